# SPDX-License-Identifier: Apache-2.0
"""Command lines of the control plane's components, the same for every engine."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from localcluster.pki import Pki

#: Admission of burst tests must not be throttled by limits meant for a shared server.
_MAX_READS_IN_FLIGHT = 5000
_MAX_WRITES_IN_FLIGHT = 2500

#: By default the controllers together make 20 requests a second: a start would wait 5 s for its own limits, and a
#: burst of Jobs would measure them.
_CLIENT_LIMITS = ("--kube-api-qps=500", "--kube-api-burst=1000")
_CONCURRENT_JOB_SYNCS = 20

#: Metadata of every request, once: when it is answered.
AUDIT_POLICY = """\
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- level: Metadata
"""

#: No rotation, in megabytes: counting requests needs one file.
AUDIT_LOG_MAX_SIZE = 1 << 14


@dataclass(frozen=True, slots=True)
class ControlPlane:
    """What the components have to know; paths as they see them (inside the node's namespaces for a node)."""

    programs: Path
    pki: Pki
    data: Path
    sockets: Path
    service_range: str
    bind_address: str
    port: int
    #: Address that pods reach the API server at; None where there are no pods.
    advertise_address: str | None = None
    pod_range: str | None = None
    fsync: bool = True
    audit_policy: Path | None = None
    audit_log: Path | None = None

    def etcd(self) -> list[str]:
        """Etcd on Unix sockets: it needs no port, and file permissions guard it."""
        clients = f"unix://{self.sockets}/etcd.sock"
        peers = f"unix://{self.sockets}/etcd-peer.sock"
        return [
            str(self.programs / "etcd"),
            "--name=local",
            f"--data-dir={self.data / 'etcd'}",
            f"--listen-client-urls={clients}",
            f"--advertise-client-urls={clients}",
            f"--listen-peer-urls={peers}",
            f"--initial-advertise-peer-urls={peers}",
            f"--initial-cluster=local={peers}",
            "--logger=zap",
            "--log-level=warn",
            *([] if self.fsync else ["--unsafe-no-fsync"]),
        ]

    def apiserver(self) -> list[str]:
        """The API server, with RBAC, aggregation and all default admission."""
        pki = self.pki
        network = [f"--bind-address={self.bind_address}", f"--secure-port={self.port}", "--permit-port-sharing=true"]
        if self.advertise_address is None:
            # The `kubernetes` Service is not used, and loopback is refused as its endpoint.
            network += ["--endpoint-reconciler-type=none"]
        else:
            network += [f"--advertise-address={self.advertise_address}"]
        audit = []
        if self.audit_log is not None and self.audit_policy is not None:
            audit = [
                f"--audit-policy-file={self.audit_policy}",
                f"--audit-log-path={self.audit_log}",
                f"--audit-log-maxsize={AUDIT_LOG_MAX_SIZE}",
            ]
        return [
            str(self.programs / "kube-apiserver"),
            f"--etcd-servers=unix://{self.sockets}/etcd.sock",
            f"--service-cluster-ip-range={self.service_range}",
            *network,
            f"--tls-cert-file={pki.certificate('apiserver')}",
            f"--tls-private-key-file={pki.key('apiserver')}",
            f"--client-ca-file={pki.certificate('ca')}",
            f"--service-account-key-file={pki.certificate('service-account')}",
            f"--service-account-signing-key-file={pki.key('service-account')}",
            "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
            f"--kubelet-certificate-authority={pki.certificate('ca')}",
            f"--kubelet-client-certificate={pki.certificate('apiserver-kubelet-client')}",
            f"--kubelet-client-key={pki.key('apiserver-kubelet-client')}",
            "--kubelet-preferred-address-types=InternalIP",
            f"--requestheader-client-ca-file={pki.certificate('front-proxy-ca')}",
            "--requestheader-allowed-names=front-proxy-client",
            "--requestheader-username-headers=X-Remote-User",
            "--requestheader-group-headers=X-Remote-Group",
            "--requestheader-extra-headers-prefix=X-Remote-Extra-",
            f"--proxy-client-cert-file={pki.certificate('front-proxy-client')}",
            f"--proxy-client-key-file={pki.key('front-proxy-client')}",
            "--enable-aggregator-routing=true",
            "--authorization-mode=Node,RBAC",
            "--enable-admission-plugins=NodeRestriction",
            "--allow-privileged=true",
            f"--max-requests-inflight={_MAX_READS_IN_FLIGHT}",
            f"--max-mutating-requests-inflight={_MAX_WRITES_IN_FLIGHT}",
            *audit,
        ]

    def controller_manager(self) -> list[str]:
        """All controllers. It serves nothing: one port less to be taken."""
        config = self.pki.kubeconfig("controller-manager")
        return [
            str(self.programs / "kube-controller-manager"),
            f"--kubeconfig={config}",
            f"--root-ca-file={self.pki.certificate('ca')}",
            f"--service-account-private-key-file={self.pki.key('service-account')}",
            f"--cluster-signing-cert-file={self.pki.certificate('ca')}",
            f"--cluster-signing-key-file={self.pki.key('ca')}",
            "--use-service-account-credentials=true",
            *([f"--cluster-cidr={self.pod_range}"] if self.pod_range else []),
            "--allocate-node-cidrs=false",
            "--leader-elect=false",
            "--secure-port=0",
            *_CLIENT_LIMITS,
            f"--concurrent-job-syncs={_CONCURRENT_JOB_SYNCS}",
        ]

    def scheduler(self) -> list[str]:
        """The scheduler, likewise without a port."""
        return scheduler_command(self.programs, self.pki)


def scheduler_command(programs: Path, pki: Pki) -> list[str]:
    """The command line of a scheduler of the cluster with these keys."""
    return [
        str(programs / "kube-scheduler"),
        f"--kubeconfig={pki.kubeconfig('scheduler')}",
        "--leader-elect=false",
        "--secure-port=0",
        *_CLIENT_LIMITS,
    ]
