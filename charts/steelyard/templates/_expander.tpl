{{- /* Cluster Autoscaler's door: its Service, and what the operator is told. */ -}}

{{- define "steelyard.expander.service" -}}
{{- include "steelyard.fullname" . }}-expander
{{- end -}}

{{- define "steelyard.expander.arguments" -}}
{{- if .Values.expander.enabled -}}
, --expander-certificate, /etc/steelyard-expander
{{- end -}}
{{- end -}}
