{{- /* Generated from the controllers' declarations by `python -m mlops_operator.rbacgen`. Do not edit. */ -}}
{{- define "mlops-operator.rules" -}}
- apiGroups:
  - ''
  resources:
  - pods
  verbs:
  - list
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
- apiGroups:
  - events.k8s.io
  resources:
  - events
  verbs:
  - create
- apiGroups:
  - mlops-operator.io
  resources:
  - models
  verbs:
  - get
  - list
  - watch
- apiGroups:
  - mlops-operator.io
  resources:
  - modelversions
  verbs:
  - get
  - list
  - watch
  - create
- apiGroups:
  - mlops-operator.io
  resources:
  - trainingjobs
  verbs:
  - get
  - list
  - watch
  - delete
- apiGroups:
  - mlops-operator.io
  resources:
  - trainingjobs/status
  verbs:
  - patch
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
