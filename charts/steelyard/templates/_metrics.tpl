{{- /* Where /metrics is: `https` (8443) or, where it is open to everybody, the port of the probes. */ -}}

{{- define "steelyard.metrics.port" -}}
{{- .Values.metrics.secure | ternary "https" "http" -}}
{{- end -}}

{{- define "steelyard.metrics.number" -}}
{{- .Values.metrics.secure | ternary 8443 8080 -}}
{{- end -}}

{{- define "steelyard.metrics.service" -}}
{{- include "steelyard.fullname" . }}-metrics
{{- end -}}

{{- define "steelyard.metrics.secret" -}}
{{- .Values.metrics.certificateSecretName | default (printf "%s-metrics-certificate" (include "steelyard.fullname" .)) -}}
{{- end -}}
