{{- /* The operator's configuration file: the values under `config`, with images where a toolchain names none. */ -}}
{{- define "steelyard.config" -}}
{{- $config := deepCopy .Values.config -}}
{{- $serve := include "steelyard.image" (list .Values.runtime.serve .) -}}
{{- $compile := include "steelyard.image" (list .Values.runtime.compile .) -}}
{{- $toolchains := dict -}}
{{- range $name, $toolchain := $config.toolchains -}}
{{- with $toolchain -}}
{{- $images := dict "serveImage" (.serveImage | default $serve) "compileImage" (.compileImage | default $compile) -}}
{{- $_ := set $toolchains $name (mergeOverwrite (deepCopy .) $images) -}}
{{- end -}}
{{- end -}}
{{- $_ := set $config "toolchains" $toolchains -}}
{{- /* Helm takes a value that is null for one that is not there, and the operator would take its own default then. */ -}}
{{- if not (hasKey $config "evictionsAtOnce") -}}
{{- $_ := set $config "evictionsAtOnce" nil -}}
{{- end -}}
{{- $_ := set $config "fetchImage" ($config.fetchImage | default $serve) -}}
{{- toYaml $config -}}
{{- end -}}

{{- /* Amounts as text, as the API stores them: 2 -> "2". */ -}}
{{- define "steelyard.resources" -}}
{{- $resources := deepCopy .Values.resources -}}
{{- range $amounts := $resources -}}
{{- range $name, $amount := $amounts -}}
{{- if not (kindIs "string" $amount) -}}
{{- $_ := set $amounts $name (int64 $amount | toString) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- toYaml $resources -}}
{{- end -}}

{{- /* The port of a URL. */ -}}
{{- define "steelyard.urlPort" -}}
{{- $url := urlParse . -}}
{{- regexFind ":[0-9]+$" $url.host | trimPrefix ":" | default (eq $url.scheme "http" | ternary "80" "443") -}}
{{- end -}}
