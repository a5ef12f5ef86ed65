{{- /* Names: at most 52 characters, a DNS label, so that every suffix, pod hash and Service name fits into 63. */ -}}

{{- define "steelyard.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 52 | trimSuffix "-" -}}
{{- end -}}

{{- define "steelyard.fullname" -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- $full := .Values.fullnameOverride | default (contains $name .Release.Name | ternary .Release.Name (printf "%s-%s" .Release.Name $name)) | replace "." "-" -}}
{{- if gt (len $full) 52 -}}
{{- /* A cut name carries a digest of the whole, so that two long names do not become one. */ -}}
{{- printf "%s-%s" ($full | trunc 43 | trimSuffix "-") (sha256sum $full | trunc 8) -}}
{{- else -}}
{{- $full -}}
{{- end -}}
{{- end -}}

{{- /* Cluster-scoped objects carry the namespace, so that two installations do not meet. */ -}}
{{- define "steelyard.clusterName" -}}
{{- printf "%s-%s" .Release.Namespace (include "steelyard.fullname" .) -}}
{{- end -}}

{{- define "steelyard.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "steelyard.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "steelyard.selectorLabels" -}}
app.kubernetes.io/name: {{ include "steelyard.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: operator
{{- end -}}

{{- /* Never `managed-by: steelyard`: by that label the operator knows what it has made itself. */ -}}
{{- define "steelyard.labels" -}}
{{- $own := dict "helm.sh/chart" (printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-") "app.kubernetes.io/version" (.Chart.AppVersion | replace "+" "_") "app.kubernetes.io/managed-by" .Release.Service "app.kubernetes.io/part-of" "steelyard" -}}
{{- toYaml (mergeOverwrite (deepCopy .Values.commonLabels) $own (include "steelyard.selectorLabels" . | fromYaml)) -}}
{{- end -}}

{{- /* list IMAGE ROOT -> reference. A digest wins; an empty tag is the appVersion. */ -}}
{{- define "steelyard.image" -}}
{{- $image := index . 0 -}}
{{- $root := index . 1 -}}
{{- if $image.digest -}}
{{- $image.repository }}{{ with $image.tag }}:{{ . }}{{ end }}@{{ $image.digest -}}
{{- else -}}
{{- $image.repository }}:{{ $image.tag | default $root.Chart.AppVersion -}}
{{- end -}}
{{- end -}}
