{{- /* Generated from the controllers' declarations by `python -m mlops_operator.codegen.rbac`. Do not edit. */ -}}
{{- define "mlops-operator-crds.viewerRules" -}}
- apiGroups:
  - mlops-operator.io
  resources:
  - evaluations
  - modeldeployments
  - modelmonitors
  - models
  - modelversions
  - promotions
  - retrainpolicies
  - trainingjobs
  verbs:
  - get
  - list
  - watch
{{- end }}
{{- define "mlops-operator-crds.editorRules" -}}
- apiGroups:
  - mlops-operator.io
  resources:
  - evaluations
  - modeldeployments
  - modelmonitors
  - models
  - modelversions
  - promotions
  - retrainpolicies
  - trainingjobs
  verbs:
  - create
  - update
  - patch
  - delete
  - deletecollection
- apiGroups:
  - mlops-operator.io
  resources:
  - modeldeployments/scale
  verbs:
  - get
  - update
  - patch
{{- end }}
