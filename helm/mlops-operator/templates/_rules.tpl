{{- /* Generated from the controllers' declarations by `python -m mlops_operator.codegen.rbac`. Do not edit. */ -}}
{{- define "mlops-operator.rules" -}}
- apiGroups:
  - ''
  resources:
  - pods
  verbs:
  - get
  - list
  - watch
- apiGroups:
  - ''
  resources:
  - services
  verbs:
  - get
  - list
  - watch
  - create
  - patch
  - delete
- apiGroups:
  - apps
  resources:
  - deployments
  verbs:
  - get
  - list
  - watch
  - create
  - patch
  - delete
- apiGroups:
  - autoscaling
  resources:
  - horizontalpodautoscalers
  verbs:
  - get
  - list
  - watch
  - create
  - patch
  - delete
- apiGroups:
  - batch
  resources:
  - jobs
  verbs:
  - get
  - list
  - watch
  - create
  - patch
  - delete
- apiGroups:
  - events.k8s.io
  resources:
  - events
  verbs:
  - list
  - create
- apiGroups:
  - mlops-operator.io
  resources:
  - evaluations
  - modelversions
  - promotions
  verbs:
  - get
  - list
  - watch
  - create
- apiGroups:
  - mlops-operator.io
  resources:
  - evaluations/status
  - modeldeployments/status
  - modelmonitors/status
  - models/status
  - modelversions/status
  - promotions/status
  - retrainpolicies/status
  - trainingjobs/status
  verbs:
  - patch
- apiGroups:
  - mlops-operator.io
  resources:
  - modeldeployments
  - modelmonitors
  - models
  - retrainpolicies
  verbs:
  - get
  - list
  - watch
- apiGroups:
  - mlops-operator.io
  resources:
  - trainingjobs
  verbs:
  - get
  - list
  - watch
  - create
  - delete
- apiGroups:
  - policy
  resources:
  - poddisruptionbudgets
  verbs:
  - get
  - list
  - watch
  - create
  - patch
  - delete
{{- end }}
{{- define "mlops-operator.written" -}}
- apiGroups:
  - ''
  apiVersions:
  - '*'
  operations:
  - CREATE
  - UPDATE
  - DELETE
  resources:
  - services
- apiGroups:
  - apps
  apiVersions:
  - '*'
  operations:
  - CREATE
  - UPDATE
  - DELETE
  resources:
  - deployments
- apiGroups:
  - autoscaling
  apiVersions:
  - '*'
  operations:
  - CREATE
  - UPDATE
  - DELETE
  resources:
  - horizontalpodautoscalers
- apiGroups:
  - batch
  apiVersions:
  - '*'
  operations:
  - CREATE
  - UPDATE
  - DELETE
  resources:
  - jobs
- apiGroups:
  - mlops-operator.io
  apiVersions:
  - '*'
  operations:
  - CREATE
  - UPDATE
  - DELETE
  resources:
  - evaluations
  - modelversions
  - promotions
  - trainingjobs
- apiGroups:
  - policy
  apiVersions:
  - '*'
  operations:
  - CREATE
  - UPDATE
  - DELETE
  resources:
  - poddisruptionbudgets
{{- end }}
{{- define "mlops-operator.clusterRules" -}}
- apiGroups:
  - ''
  resources:
  - nodes
  verbs:
  - list
{{- end }}
{{- define "mlops-operator.leaderRules" -}}
- apiGroups:
  - coordination.k8s.io
  resources:
  - leases
  verbs:
  - create
- apiGroups:
  - coordination.k8s.io
  resources:
  - leases
  resourceNames:
  - '{{ include "mlops-operator.fullname" . }}'
  verbs:
  - get
  - update
- apiGroups:
  - ''
  resources:
  - pods
  verbs:
  - get
{{- end }}
