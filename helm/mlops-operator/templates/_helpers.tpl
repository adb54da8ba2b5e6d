{{- /* The chart's name, or what it is called instead. */ -}}
{{- define "mlops-operator.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 52 | trimSuffix "-" }}
{{- end }}

{{- /* Name of the release's objects: the release's own name where it contains that of the chart. */ -}}
{{- define "mlops-operator.fullname" -}}
{{- $name := include "mlops-operator.name" . }}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 52 | trimSuffix "-" }}
{{- else if contains $name .Release.Name }}
{{- .Release.Name | trunc 52 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name $name | trunc 52 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "mlops-operator.selectorLabels" -}}
app.kubernetes.io/name: {{ include "mlops-operator.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: operator
{{- end }}

{{- /* The chart's version is left out: an upgrade changes only what it changes. */ -}}
{{- define "mlops-operator.ownLabels" -}}
{{ include "mlops-operator.selectorLabels" . }}
app.kubernetes.io/part-of: mlops-operator
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- /* Labels of every object. The chart's own win over `commonLabels`: selectors need them. */ -}}
{{- define "mlops-operator.labels" -}}
{{- merge (include "mlops-operator.ownLabels" . | fromYaml) .Values.commonLabels | toYaml }}
{{- end }}

{{- /* Labels of a pod. `managed-by` is left out, so that another tool that applies the chart replaces no pod. */ -}}
{{- define "mlops-operator.podLabels" -}}
{{- $own := omit (include "mlops-operator.ownLabels" . | fromYaml) "app.kubernetes.io/managed-by" }}
{{- merge $own .Values.podLabels .Values.commonLabels | toYaml }}
{{- end }}

{{- define "mlops-operator.serviceAccountName" -}}
{{- default (include "mlops-operator.fullname" .) .Values.serviceAccount.name }}
{{- end }}

{{- /*
The full name of an image: `registry` goes before a name without one. As everywhere, the first part of a name is a registry if it
has a dot or a port, or is `localhost`. Takes a dict of `registry` and `name`.
*/ -}}
{{- define "mlops-operator.reference" -}}
{{- if or (not .registry) (regexMatch "^(localhost|[^/]*[.:][^/]*)/" .name) }}
{{- .name }}
{{- else }}
{{- printf "%s/%s" (trimSuffix "/" .registry) .name }}
{{- end }}
{{- end }}

{{- define "mlops-operator.image" -}}
{{- $name := include "mlops-operator.reference" (dict "registry" .Values.image.registry "name" .Values.image.repository) }}
{{- if .Values.image.digest }}
{{- printf "%s@%s" $name .Values.image.digest }}
{{- else }}
{{- printf "%s:%s" $name .Values.image.tag }}
{{- end }}
{{- end }}

{{- define "mlops-operator.workloadImage" -}}
{{- include "mlops-operator.reference" (dict "registry" .Values.image.registry "name" .Values.workloadImage) }}
{{- end }}

{{- define "mlops-operator.serverImage" -}}
{{- include "mlops-operator.reference" (dict "registry" .Values.image.registry "name" .Values.serverImage) }}
{{- end }}

{{- define "mlops-operator.mlserverImage" -}}
{{- include "mlops-operator.reference" (dict "registry" .Values.image.registry "name" .Values.mlserverImage) }}
{{- end }}

{{- define "mlops-operator.pods" -}}
{{- with .Values.podSecurityContext }}
securityContext:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
