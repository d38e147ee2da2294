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

{{- /* The labels of an object: those that select, unless it gives others, those of Helm, commonLabels
       and its own. Call it with a list of the root and of the labels that the object adds. */ -}}
{{- define "maitred.labels" -}}
{{- $root := first . -}}
{{- $helm := dict
      "app.kubernetes.io/version" $root.Chart.AppVersion
      "app.kubernetes.io/managed-by" $root.Release.Service
      "helm.sh/chart" (printf "%s-%s" $root.Chart.Name $root.Chart.Version | replace "+" "_") -}}
{{- merge (dict) (last .) (fromYaml (include "maitred.selector" $root)) $root.Values.commonLabels $helm | toYaml -}}
{{- end -}}

{{- define "maitred.image" -}}
{{- .Values.image.repository -}}
{{- with .Values.image.tag }}:{{ . }}{{ end -}}
{{- with .Values.image.digest }}@{{ . }}{{ end -}}
{{- end -}}

{{- define "maitred.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- .Values.serviceAccount.name | default (include "maitred.fullname" .) -}}
{{- else -}}
{{- .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- /* What the pods of the Deployment and of the migration have in common. */ -}}
{{- define "maitred.pod" -}}
# A Service called maitred would inject MAITRED_PORT=tcp://… and its like.
enableServiceLinks: false
automountServiceAccountToken: {{ .Values.serviceAccount.automountToken }}
{{- with .Values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .Values.imagePullSecrets }}
imagePullSecrets: {{- toYaml . | nindent 2 }}
{{- end }}
securityContext: {{- toYaml .Values.podSecurityContext | nindent 2 }}
{{- with .Values.dnsPolicy }}
dnsPolicy: {{ . }}
{{- end }}
{{- with .Values.dnsConfig }}
dnsConfig: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.affinity }}
affinity: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- define "maitred.environment" -}}
{{- with .Values.env }}
env: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.envFrom }}
envFrom: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- /* The volume at /tmp. */ -}}
{{- define "maitred.temporary" -}}
name: temporary
{{- with .Values.temporary }}
{{- if .volume }}
{{ toYaml .volume }}
{{- else }}
emptyDir:
  {{- with .medium }}
  medium: {{ . }}
  {{- end }}
  sizeLimit: {{ .sizeLimit }}
{{- end }}
{{- end }}
{{- end -}}

{{- /* The size of the volume at /tmp; empty if it is unknown. */ -}}
{{- define "maitred.temporaryMebibytes" -}}
{{- $size := .Values.temporary.sizeLimit -}}
{{- if and (not .Values.temporary.volume) (regexMatch "^[0-9]+[GM]i$" $size) -}}
{{- $number := int64 (regexFind "^[0-9]+" $size) -}}
{{- ternary (mul $number 1024) $number (hasSuffix "Gi" $size) -}}
{{- end -}}
{{- end -}}

{{- /* Three quarters of the volume at /tmp, for each worker process, of which there is a number:
       _refused.tpl says so. Empty if the size is unknown. */ -}}
{{- define "maitred.spoolLimit" -}}
{{- with include "maitred.temporaryMebibytes" . -}}
{{- $limit := div (mul (int64 .) 3) (mul (int64 $.Values.settings.workers) 4) -}}
{{- if eq (mod $limit 1024) 0 -}}
{{- printf "%dGiB" (div $limit 1024) -}}
{{- else -}}
{{- printf "%dMiB" $limit -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- /* JSON's strings, numbers, booleans and arrays of them are TOML's too. Helm's own toToml would
       write 8.0 for 8, which is not a number of threads. */ -}}
{{- define "maitred.toml" -}}
app = {{ .Values.app | toJson }}
listen = [{{ printf "*:%d" (int .Values.port) | toJson }}]
admin-listen = {{ printf "*:%d" (int .Values.adminPort) | toJson }}
drain-delay = {{ .Values.drain.delaySeconds | toJson }}
graceful-timeout = {{ .Values.drain.gracefulSeconds | toJson }}
{{- if not (hasKey .Values.settings "spool-limit") }}
{{- with include "maitred.spoolLimit" . }}
spool-limit = {{ . | toJson }}
{{- end }}
{{- end }}
{{- range $name, $value := .Values.settings }}
{{ $name }} = {{ $value | toJson }}
{{- end }}
{{- end -}}
