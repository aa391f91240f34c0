{{/*
What the operator does in the namespaces it looks after. It writes by server-side apply, which is the verb patch, and
create where nothing is there yet.
*/}}
{{- define "cqrs-operator.namespaceRules" -}}
- apiGroups: [cqrs.dev]
  resources: [cqrsservices]
  verbs: [get, list, watch, patch]
- apiGroups: [cqrs.dev]
  resources: [cqrsservices/status]
  verbs: [patch]
# Children name their CqrsService as an owner that waits for them, which the API server only lets those do who may
# change its finalizers.
- apiGroups: [cqrs.dev]
  resources: [cqrsservices/finalizers]
  verbs: [update]
- apiGroups: [apps]
  resources: [deployments, statefulsets]
  verbs: [get, list, watch, create, patch, delete]
# A burst of reads raises the floor of an HPA and, because an older one looks so seldom, what it scales.
- apiGroups: [apps]
  resources: [deployments/scale]
  verbs: [patch]
- apiGroups: ['']
  resources: [services, configmaps, secrets]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [policy]
  resources: [poddisruptionbudgets]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [autoscaling]
  resources: [horizontalpodautoscalers]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [batch]
  resources: [jobs]
  verbs: [get, list, watch, create, patch]
- apiGroups: ['']
  resources: [pods]
  verbs: [get, list, watch]
# To see whether a namespace is being deleted as a whole.
- apiGroups: ['']
  resources: [namespaces]
  verbs: [get]
# What pods and volumes wait for is said in Events alone; they are listed for what stands still.
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [list, create, patch]
{{- end -}}
