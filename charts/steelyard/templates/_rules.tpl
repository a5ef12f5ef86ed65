{{- /* What the operator may do. The same table is operator/steelyard/control/kube/rbac.py, which says why; a test compares the two. */ -}}

{{- define "steelyard.rules.inNamespaces" -}}
- apiGroups: [steelyard.dev]
  resources: [inferenceworkloads]
  verbs: [get, list, watch]
- apiGroups: [steelyard.dev]
  resources: [acceleratortrials]
  verbs: [get, list, watch, create, delete]
- apiGroups: [steelyard.dev]
  resources: [scaletargets]
  verbs: [get, list, watch, create, delete]
- apiGroups: [autoscaling]
  resources: [horizontalpodautoscalers]
  verbs: [list]
- apiGroups: [keda.sh]
  resources: [scaledobjects]
  verbs: [list]
- apiGroups: [kueue.x-k8s.io]
  resources: [workloads]
  verbs: [list]
- apiGroups: [steelyard.dev]
  resources: [compiledmodels]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [steelyard.dev]
  resources: [inferenceworkloads/status, compiledmodels/status, acceleratortrials/status, scaletargets/status]
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
- apiGroups: [gateway.networking.k8s.io]
  resources: [httproutes]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [inference.networking.k8s.io]
  resources: [inferencepools]
  verbs: [get, list, watch, create, patch, delete]
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
  verbs: [get, list, watch, patch]
- apiGroups: [resource.k8s.io]
  resources: [resourceclaims]
  verbs: [list]
- apiGroups: [""]
  resources: [events]
  verbs: [list]
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create, patch]
{{- if .Values.config.clusterAutoscaler.provisioningRequests }}
- apiGroups: [autoscaling.x-k8s.io]
  resources: [provisioningrequests]
  verbs: [get, list, watch, create, delete]
- apiGroups: [""]
  resources: [podtemplates]
  verbs: [get, list, watch, create, delete]
{{- end }}
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
- apiGroups: [resource.k8s.io]
  resources: [deviceclasses]
  verbs: [list]
- apiGroups: [karpenter.sh]
  resources: [nodepools, nodeclaims]
  verbs: [list]
{{- if .Values.config.publish.nodeOverlays }}
- apiGroups: [karpenter.sh]
  resources: [nodeoverlays]
  verbs: [get, list, create, patch, delete]
{{- end }}
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

{{- define "steelyard.rules.ofClusterAutoscaler" -}}
- apiGroups: [""]
  resources: [configmaps]
  resourceNames: [cluster-autoscaler-status]
  verbs: [get]
{{- end -}}

{{- define "steelyard.rules.ofKarpenter" -}}
- apiGroups: [""]
  resources: [events]
  verbs: [list]
{{- end -}}

{{- define "steelyard.rules.ofPriorities" -}}
- apiGroups: [""]
  resources: [configmaps]
  verbs: [create]
- apiGroups: [""]
  resources: [configmaps]
  resourceNames: [cluster-autoscaler-priority-expander]
  verbs: [get, patch]
{{- end -}}
