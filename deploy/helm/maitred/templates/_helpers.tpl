{{- define "maitred.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" -}}
{{- else if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 63 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "maitred.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "maitred.labels" -}}
{{ include "maitred.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "maitred.image" -}}
{{- .Values.image.repository -}}
{{- with .Values.image.tag }}:{{ . }}{{ end -}}
{{- with .Values.image.digest }}@{{ . }}{{ end -}}
{{- end -}}

{{- /* JSON's strings, numbers, booleans and arrays of them are TOML's too. Helm's own toToml would
       write 8.0 for 8, which is not a number of threads. */ -}}
{{- define "maitred.toml" -}}
app = {{ .Values.app | toJson }}
listen = [{{ printf "*:%d" (int .Values.port) | toJson }}]
admin-listen = {{ printf "*:%d" (int .Values.adminPort) | toJson }}
drain-delay = {{ .Values.drain.delaySeconds | toJson }}
graceful-timeout = {{ .Values.drain.gracefulSeconds | toJson }}
{{- range $name, $value := .Values.settings }}
{{ $name }} = {{ $value | toJson }}
{{- end }}
{{- end -}}
