{{- /* What the operator would refuse at its start is refused before anything is sent: rules between values, which the schema does not have. */ -}}
{{- define "steelyard.refusals" -}}
{{- $config := .Values.config -}}
{{- if and $config.store.secretName (not $config.store.readSecretName) -}}
{{- fail "config.store.readSecretName is needed with config.store.secretName: make a second Secret with credentials that only read, for serving pods, and name it" -}}
{{- end -}}
{{- with $config.observe -}}
{{- if and (eq (toString .source) "Prometheus") (not .prometheusUrl) -}}
{{- fail "config.observe.prometheusUrl is needed with config.observe.source Prometheus, for example http://prometheus.monitoring.svc:9090" -}}
{{- end -}}
{{- with (.gateway).clusterName -}}
{{- if or (not (contains "{namespace}" .)) (not (contains "{service}" .)) -}}
{{- fail "config.observe.gateway.clusterName needs {namespace} and {service}: by it one backend is told from others" -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- with $config.publish -}}
{{- if and $config.watchNamespaces (or .nodeOverlays .priorityExpanderNamespace) -}}
{{- fail "config.publish needs config.watchNamespaces to be empty: pools are shared by all namespaces, and an installation for some of them knows a part of what good requests cost there" -}}
{{- end -}}
{{- end -}}
{{- with $config.cache -}}
{{- if and .hostPath .claimName -}}
{{- fail "config.cache takes hostPath or claimName, not both: artifacts are kept in one place" -}}
{{- end -}}
{{- if has ".." (splitList "/" (.hostPath | default "")) -}}
{{- fail "config.cache.hostPath must not contain .., for the API server refuses it in pods" -}}
{{- end -}}
{{- end -}}
{{- with $config.signing -}}
{{- if contains "PRIVATE KEY" (.publicKeys | default "") -}}
{{- fail "config.signing.publicKeys has a private key: take it out, make a new one, and give `openssl pkey -pubout`'s output here" -}}
{{- end -}}
{{- if and .publicKeys (not .secretName) -}}
{{- fail "config.signing.publicKeys needs config.signing.secretName: without private keys nothing is signed, and nothing could be served" -}}
{{- end -}}
{{- end -}}
{{- end -}}
