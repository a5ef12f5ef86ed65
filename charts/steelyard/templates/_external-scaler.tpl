{{- /* KEDA's door: its Service, and what the operator is told. */ -}}

{{- define "steelyard.externalScaler.service" -}}
{{- include "steelyard.fullname" . }}-scaler
{{- end -}}

{{- define "steelyard.externalScaler.arguments" -}}
{{- if .Values.externalScaler.enabled -}}
, --external-scaler
{{- if .Values.externalScaler.certificateSecretName }}, --external-scaler-certificate, /etc/steelyard-scaler{{ end }}
{{- if .Values.externalScaler.clientCertificates }}, --external-scaler-client-certificates{{ end }}
{{- end -}}
{{- end -}}
