{{- /* Parts of the admission policies that confine the operator's own account. docs/explanation/security.md says what they hold back. */ -}}

{{- /* Nobody else is confined: every policy asks for this account first. */ -}}
{{- define "steelyard.policy.head" -}}
failurePolicy: Fail
matchConditions:
  - name: the-operator
    expression: request.userInfo.username == {{ printf "system:serviceaccount:%s:%s" .Release.Namespace (include "steelyard.serviceAccountName" .) | toJson }}
{{- end -}}

{{- /* A NodeOverlay has no namespace. */ -}}
{{- define "steelyard.policy.namespaces" -}}
- expression: "!(has(request.namespace) && request.namespace in {{ toJson .Values.admissionPolicy.protectedNamespaces | replace "\"" "'" }})"
  message: >-
    Steelyard's account writes nothing in protected namespaces (admissionPolicy.protectedNamespaces of its chart): put the workload into
    another namespace
{{- end -}}

{{- /* Every image that the configuration names, for CEL. */ -}}
{{- define "steelyard.policy.images" -}}
{{- $config := include "steelyard.config" . | fromYaml -}}
{{- $images := list $config.fetchImage -}}
{{- range $config.toolchains -}}
{{- $images = concat $images (list .serveImage .compileImage) -}}
{{- end -}}
{{- $images | uniq | sortAlpha | toJson -}}
{{- end -}}

{{- /* Those of them that serve, and the one that fetches a model for a custom server and asks it. */ -}}
{{- define "steelyard.policy.probeImages" -}}
{{- $config := include "steelyard.config" . | fromYaml -}}
{{- $images := list $config.fetchImage -}}
{{- range $config.toolchains -}}
{{- $images = append $images .serveImage -}}
{{- end -}}
{{- $images | uniq | sortAlpha | toJson -}}
{{- end -}}

{{- /* The claim that a store of `pvc://CLAIM` stands on, or nothing. */ -}}
{{- define "steelyard.policy.storeClaim" -}}
{{- with .Values.config.store.uri | default "" -}}
{{- if hasPrefix "pvc://" . -}}
{{- trimPrefix "pvc://" . | splitList "/" | first -}}
{{- end -}}
{{- end -}}
{{- end -}}
