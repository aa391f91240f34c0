{{/* Name of every object of this release. */}}
{{- define "cqrs-operator.fullname" -}}
{{- if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 48 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" (.Release.Name | trunc 34 | trimSuffix "-") .Chart.Name -}}
{{- end -}}
{{- end -}}

{{- define "cqrs-operator.serviceAccountName" -}}
{{- .Values.serviceAccount.name | default (include "cqrs-operator.fullname" .) -}}
{{- end -}}

{{/* What selectors match; it must never change. */}}
{{- define "cqrs-operator.selectorLabels" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "cqrs-operator.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{ include "cqrs-operator.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/part-of: cqrs-operator
{{- end -}}

{{/* The reference of an image: (list . "operator"). */}}
{{- define "cqrs-operator.image" -}}
{{- $root := index . 0 -}}
{{- $image := index $root.Values.images (index . 1) -}}
{{- if $image.digest -}}
{{- printf "%s@%s" $image.repository $image.digest -}}
{{- else -}}
{{- printf "%s:%s" $image.repository ($image.tag | default $root.Chart.AppVersion) -}}
{{- end -}}
{{- end -}}

{{/* The subject of every binding. */}}
{{- define "cqrs-operator.subjects" -}}
- kind: ServiceAccount
  name: {{ include "cqrs-operator.serviceAccountName" . }}
  namespace: {{ .Release.Namespace }}
{{- end -}}

{{/*
The APIService of custom metrics that belongs to somebody else, as "name (namespace/service)"; empty when there is none.
Any version counts: the cluster leads all HPAs to one version. Without a cluster (helm template) none is seen.
*/}}
{{- define "cqrs-operator.foreignApiService" -}}
{{- $root := . -}}
{{- range $version := list "v1beta2" "v1beta1" -}}
{{- $found := lookup "apiregistration.k8s.io/v1" "APIService" "" (printf "%s.custom.metrics.k8s.io" $version) -}}
{{- if $found -}}
{{- $service := $found.spec.service | default dict -}}
{{- if not (and (eq ($service.name | default "") (include "cqrs-operator.fullname" $root)) (eq ($service.namespace | default "") $root.Release.Namespace)) -}}
{{- printf "%s (%s/%s) " $found.metadata.name ($service.namespace | default "") ($service.name | default "local") -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
