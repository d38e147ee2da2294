{{- /* What values.schema.json cannot refuse, or not in words that help. */ -}}
{{- define "maitred.refused" -}}
{{- $values := .Values -}}
{{- $labels := dict
      "commonLabels" $values.commonLabels
      "podLabels" $values.podLabels
      "podMonitor.labels" $values.podMonitor.labels
      "serviceMonitor.labels" $values.serviceMonitor.labels
      "prometheusRule.labels" $values.prometheusRule.labels
      "grafanaDashboard.labels" $values.grafanaDashboard.labels -}}
{{- range $name, $given := $labels -}}
{{- range $label := list "app.kubernetes.io/name" "app.kubernetes.io/instance" -}}
{{- if hasKey $given $label -}}
{{- fail (printf "%s has %s, which is the chart's: it selects the pods" $name $label) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- if hasKey $values.podAnnotations "checksum/config" -}}
{{- fail "podAnnotations has checksum/config, which is the chart's: a change of it is a rollout" -}}
{{- end -}}
{{- if eq (int $values.port) (int $values.adminPort) -}}
{{- fail (printf "port and adminPort are both %d: the admin listener needs a port of its own" (int $values.port)) -}}
{{- end -}}
{{- with $values.autoscaling -}}
{{- if .by -}}
{{- if gt (int .minReplicas) (int .maxReplicas) -}}
{{- fail (printf "autoscaling.minReplicas is %d, above autoscaling.maxReplicas, %d" (int .minReplicas) (int .maxReplicas)) -}}
{{- end -}}
{{- if and (eq .by "keda") (gt (int .keda.fallbackReplicas) (int .maxReplicas)) -}}
{{- fail (printf "autoscaling.keda.fallbackReplicas is %d, above autoscaling.maxReplicas, %d" (int .keda.fallbackReplicas) (int .maxReplicas)) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- if and $values.podMonitor.enabled $values.serviceMonitor.enabled -}}
{{- fail "podMonitor and serviceMonitor are both enabled: every pod would be scraped and counted twice" -}}
{{- end -}}
{{- with $values.service -}}
{{- if and .nodePort (eq .type "ClusterIP") -}}
{{- fail "service.nodePort needs service.type NodePort or LoadBalancer" -}}
{{- end -}}
{{- if and .externalTrafficPolicy (eq .type "ClusterIP") -}}
{{- fail "service.externalTrafficPolicy needs service.type NodePort or LoadBalancer" -}}
{{- end -}}
{{- if and (or .loadBalancerClass .loadBalancerSourceRanges) (ne .type "LoadBalancer") -}}
{{- fail "service.loadBalancerClass and service.loadBalancerSourceRanges need service.type LoadBalancer" -}}
{{- end -}}
{{- end -}}
{{- if and $values.ingress.enabled (not $values.ingress.hosts) -}}
{{- fail "ingress.enabled needs a host in ingress.hosts" -}}
{{- end -}}
{{- if and $values.httpRoute.enabled (not $values.httpRoute.parentRefs) -}}
{{- fail "httpRoute.enabled needs a Gateway in httpRoute.parentRefs" -}}
{{- end -}}
{{- $settings := $values.settings -}}
{{- $workers := get $settings "workers" -}}
{{- $isMany := or (kindIs "string" $workers) (gt (int64 $workers) 1) -}}
{{- if and (eq (get $settings "reload" | toString) "true") $isMany -}}
{{- fail "settings.reload serves with one worker process, and settings.workers is more" -}}
{{- end -}}
{{- if and (eq (get $settings "preload" | toString) "true") (eq (get $settings "reload" | toString) "true") -}}
{{- fail "settings.preload and settings.reload exclude each other" -}}
{{- end -}}
{{- if and (eq (get $settings "ipv4" | toString) "false") (eq (get $settings "ipv6" | toString) "false") -}}
{{- fail "settings.ipv4 and settings.ipv6 are both off: no address is left to listen on" -}}
{{- end -}}
{{- if eq (get $settings "supervisor" | toString) "never" -}}
{{- range $name := list "preload" "reload" "max-requests" "max-rss" -}}
{{- if get $settings $name -}}
{{- fail (printf "settings.%s needs a supervisor, and settings.supervisor is never" $name) -}}
{{- end -}}
{{- end -}}
{{- if $isMany -}}
{{- fail "settings.workers needs a supervisor, and settings.supervisor is never" -}}
{{- end -}}
{{- end -}}
{{- if and (include "maitred.temporaryMebibytes" .) (not (hasKey $settings "spool-limit")) (or (not (hasKey $settings "workers")) (kindIs "string" $workers)) -}}
{{- fail "settings.workers is no number, so temporary.sizeLimit cannot be divided by it: set settings.spool-limit, for each worker process" -}}
{{- end -}}
{{- if and $values.migration.enabled (not (or $values.migration.command $values.migration.args)) -}}
{{- fail "migration.enabled needs migration.command, for example [python, manage.py, migrate, --noinput]" -}}
{{- end -}}
{{- end -}}
