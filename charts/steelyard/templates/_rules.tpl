{{- /* What the operator may do. The same table is operator/steelyard/control/kube/rbac.py, which says why; a test compares the two. */ -}}

{{- define "steelyard.rules.inNamespaces" -}}
- apiGroups: [steelyard.dev]
  resources: [inferenceworkloads]
  verbs: [get, list, watch]
- apiGroups: [steelyard.dev]
  resources: [acceleratortrials]
  verbs: [get, list, watch, create, delete]
- apiGroups: [steelyard.dev]
  resources: [compiledmodels]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [steelyard.dev]
  resources: [inferenceworkloads/status, compiledmodels/status, acceleratortrials/status]
  verbs: [patch]
- apiGroups: [steelyard.dev]
  resources: [inferenceworkloads/finalizers, compiledmodels/finalizers, acceleratortrials/finalizers]
  verbs: [update]
- apiGroups: [apps]
  resources: [deployments]
  verbs: [get, list, watch, create, delete]
- apiGroups: [apps]
  resources: [deployments/scale]
  verbs: [get, patch]
- apiGroups: [apps]
  resources: [statefulsets]
  verbs: [get]
- apiGroups: [leaderworkerset.x-k8s.io]
  resources: [leaderworkersets]
  verbs: [get]
- apiGroups: [serving.kserve.io]
  resources: [inferenceservices]
  verbs: [get]
- apiGroups: [""]
  resources: [services]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [batch]
  resources: [jobs]
  verbs: [get, list, watch, create, delete]
- apiGroups: [policy]
  resources: [poddisruptionbudgets]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [""]
  resources: [pods]
  verbs: [get, list, watch]
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create, patch]
{{- end -}}

{{- define "steelyard.rules.clusterScoped" -}}
- apiGroups: [steelyard.dev]
  resources: [acceleratorpools]
  verbs: [get, list, watch]
- apiGroups: [steelyard.dev]
  resources: [acceleratorpools/status]
  verbs: [patch]
- apiGroups: [""]
  resources: [nodes]
  verbs: [get, list, watch]
- apiGroups: [""]
  resources: [namespaces]
  {{- with .Values.config.watchNamespaces }}
  resourceNames: {{ toJson . }}
  {{- end }}
  verbs: [get]
{{- end -}}

{{- define "steelyard.rules.reviews" -}}
- apiGroups: [authentication.k8s.io]
  resources: [tokenreviews]
  verbs: [create]
- apiGroups: [authorization.k8s.io]
  resources: [subjectaccessreviews]
  verbs: [create]
{{- end -}}

{{- define "steelyard.rules.inOwnNamespace" -}}
- apiGroups: [coordination.k8s.io]
  resources: [leases]
  verbs: [create]
- apiGroups: [coordination.k8s.io]
  resources: [leases]
  resourceNames: [steelyard]
  verbs: [get, update]
{{- end -}}

{{- define "steelyard.rules.ofClaims" -}}
- apiGroups: [coordination.k8s.io]
  resources: [leases]
  verbs: [create]
- apiGroups: [coordination.k8s.io]
  resources: [leases]
  resourceNames: [steelyard-installations]
  verbs: [get, update]
{{- end -}}
