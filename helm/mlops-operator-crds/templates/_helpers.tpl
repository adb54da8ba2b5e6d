{{- /* Labels of every object beside the chart's own, which win: controllers find objects by them. */ -}}
{{- define "mlops-operator-crds.commonLabels" -}}
{{- range $name, $value := .Values.commonLabels }}
{{- if not (or (hasPrefix "app.kubernetes.io/" $name) (hasPrefix "rbac.authorization.k8s.io/" $name)) }}
{{- dict $name $value | toYaml | nindent 4 }}
{{- end }}
{{- end }}
{{- end }}
