{{/* Name of the CqrsService; its Services are this and -command or -query. */}}
{{- define "cqrs-service.name" -}}
{{- .Values.nameOverride | default .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- end -}}

{{- define "cqrs-service.chart" -}}
{{- printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" -}}
{{- end -}}

{{- define "cqrs-service.labels" -}}
helm.sh/chart: {{ include "cqrs-service.chart" . }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/part-of: {{ include "cqrs-service.name" . }}
{{- end -}}
