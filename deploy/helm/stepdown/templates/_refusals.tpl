{{- /* Values that are well formed and contradict each other: each is refused with its reason. */ -}}
{{- define "stepdown.refusals" -}}
{{- $site := .Values.site -}}
{{- $given := add (ternary 1 0 (not (empty $site.files))) (ternary 1 0 (not (empty $site.existingConfigMap))) (ternary 1 0 $site.sample) -}}
{{- if ne (int $given) 1 -}}
{{- fail "site: give exactly one of existingConfigMap, files and sample: a service has one site config" -}}
{{- end -}}
{{- with .Values.kafka -}}
{{- $sasl := contains "SASL" .securityProtocol -}}
{{- if and $sasl (or (not .username) (not .passwordSecret.name)) -}}
{{- fail (printf "kafka: securityProtocol %s needs username and passwordSecret.name" .securityProtocol) -}}
{{- end -}}
{{- if and (not $sasl) (or .username .passwordSecret.name) -}}
{{- fail (printf "kafka: with securityProtocol %s nobody would send the username and the password: choose one with SASL" .securityProtocol) -}}
{{- end -}}
{{- if and (not (contains "SSL" .securityProtocol)) (or .caSecret.name .clientCertificateSecret.name) -}}
{{- fail (printf "kafka: with securityProtocol %s there is no TLS and certificates would be ignored: choose SSL or SASL_SSL" .securityProtocol) -}}
{{- end -}}
{{- end -}}
{{- if and .Values.postgres.caSecret.name (not (hasPrefix "verify-" .Values.postgres.sslMode)) -}}
{{- fail "postgres: caSecret is looked at by sslMode verify-ca and verify-full only: set one of them" -}}
{{- end -}}
{{- with .Values.signIn -}}
{{- if ne (empty .issuer) (empty .jwksUrl) -}}
{{- fail "signIn: issuer and jwksUrl belong together: with one of them nobody can sign in" -}}
{{- end -}}
{{- if and .clientId (or (not .issuer) (not (include "stepdown.deskUrl" $))) -}}
{{- fail "signIn: people sign in with clientId, issuer and deskUrl (or an ingress): give all of them" -}}
{{- end -}}
{{- if and .clientSecret.name (not .clientId) -}}
{{- fail "signIn: clientSecret is that of clientId: give both" -}}
{{- end -}}
{{- end -}}
{{- with .Values.mllp.tls -}}
{{- if and .clientCaSecret.name (not .certificateSecret.name) -}}
{{- fail "mllp.tls: a client's certificate is asked for in TLS only: set certificateSecret.name too" -}}
{{- end -}}
{{- end -}}
{{- if and .Values.ingress.enabled (not .Values.ingress.host) -}}
{{- fail "ingress: no host was given: set ingress.host, on which all three services are" -}}
{{- end -}}
{{- $partitions := int .Values.kafka.partitions -}}
{{- range $name, $service := .Values.services -}}
{{- if gt (int $service.replicas) $partitions -}}
{{- fail (printf "services.%s: with %d replicas and %d partitions some would have nothing to read: at most %d" $name (int $service.replicas) $partitions $partitions) -}}
{{- end -}}
{{- range $service.extraEnv -}}
{{- if eq .name "STEPDOWN_INSTANCE" -}}
{{- fail (printf "services.%s.extraEnv: STEPDOWN_INSTANCE would be the same in every pod, and no two processes of a service may have one name: leave it out" $name) -}}
{{- end -}}
{{- if regexMatch "^STEPDOWN_(.*PASSWORD|MESSAGE_KEYS|.*DATABASE.*URL|TOKEN|TOKEN_SECRET|CLIENT_SECRET)$" .name -}}
{{- fail (printf "services.%s.extraEnv: %s is a secret: it comes from a Secret that the values name" $name .name) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- /* A schema is changed before the new pods start: none of another version may work on it meanwhile. */ -}}
{{- if .Values.migrations.enabled -}}
{{- range $name, $_ := .Values.services -}}
{{- $there := lookup "apps/v1" "Deployment" $.Release.Namespace (printf "%s-%s" (include "stepdown.fullname" $) $name) -}}
{{- if $there -}}
{{- $pods := add (int (dig "spec" "replicas" 0 $there)) (int (dig "status" "replicas" 0 $there)) -}}
{{- $image := (index $there.spec.template.spec.containers 0).image -}}
{{- if and (gt (int $pods) 0) (ne $image (include "stepdown.image" $)) -}}
{{- fail (printf "%s runs on %s and would go on while its database is migrated: stop the services with that version first (--reuse-values --set stopped=true), wait until they have ended, then upgrade" $name $image) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end }}
