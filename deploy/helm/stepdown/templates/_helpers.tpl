{{- define "stepdown.fullname" -}}
{{- if .Values.fullnameOverride }}{{ .Values.fullnameOverride | trunc 40 | trimSuffix "-" }}
{{- else if contains .Chart.Name .Release.Name }}{{ .Release.Name | trunc 40 | trimSuffix "-" }}
{{- else }}{{ printf "%s-%s" .Release.Name .Chart.Name | trunc 40 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- /* Labels that never change, by which pods are selected; `name` is a service or "migrations". */ -}}
{{- define "stepdown.selector" -}}
app.kubernetes.io/name: {{ .root.Chart.Name }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
{{- if .name }}
app.kubernetes.io/component: {{ .name }}
{{- end }}
{{- end }}

{{- define "stepdown.labels" -}}
{{ include "stepdown.selector" . }}
app.kubernetes.io/version: {{ .root.Values.image.tag | default .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version }}
{{- end }}

{{- define "stepdown.image" -}}
{{- with .Values.image -}}
{{ .repository }}:{{ .tag | default $.Chart.AppVersion }}{{ with .digest }}@{{ . }}{{ end }}
{{- end -}}
{{- end }}

{{- /* The name of the ConfigMap with the site config; empty where the sample in the image is used. */ -}}
{{- define "stepdown.site" -}}
{{- if .Values.site.files }}{{ include "stepdown.fullname" . }}-site{{ else }}{{ .Values.site.existingConfigMap }}{{ end }}
{{- end }}

{{- /* The public address of the desks; empty where there is none. */ -}}
{{- define "stepdown.deskUrl" -}}
{{- if .Values.signIn.deskUrl }}{{ .Values.signIn.deskUrl }}{{ else if .Values.ingress.enabled }}https://{{ .Values.ingress.host }}{{ end }}
{{- end }}

{{- define "stepdown.pod" -}}
automountServiceAccountToken: false
# Else Kubernetes sets STEPDOWN_… variables of its own for each Service, which look like settings.
enableServiceLinks: false
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  fsGroup: 10001
  seccompProfile: {type: RuntimeDefault}
{{- with .Values.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- end }}

{{- define "stepdown.container" -}}
image: {{ include "stepdown.image" . }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: {drop: [ALL]}
{{- end }}

{{- /* A volume with some keys of a Secret as files: (volume, secret name, file → key). */ -}}
{{- define "stepdown.secretVolume" -}}
- name: {{ .volume }}
  secret:
    secretName: {{ .secret }}
    defaultMode: 0440
    items:
      {{- range $file, $key := .files }}
      - {key: {{ $key | quote }}, path: {{ $file }}}
      {{- end }}
{{- end }}

{{- define "stepdown.env.kafka" -}}
- {name: STEPDOWN_KAFKA, value: {{ .Values.kafka.bootstrapServers | quote }}}
- {name: STEPDOWN_KAFKA_SECURITY_PROTOCOL, value: {{ .Values.kafka.securityProtocol }}}
- {name: STEPDOWN_KAFKA_PARTITIONS, value: {{ .Values.kafka.partitions | quote }}}
{{- if contains "SASL" .Values.kafka.securityProtocol }}
- {name: STEPDOWN_KAFKA_SASL_MECHANISM, value: {{ .Values.kafka.saslMechanism }}}
- {name: STEPDOWN_KAFKA_USERNAME, value: {{ .Values.kafka.username | quote }}}
- {name: STEPDOWN_KAFKA_PASSWORD_FILE, value: /etc/stepdown/kafka-password/password}
{{- end }}
{{- if .Values.kafka.caSecret.name }}
- {name: STEPDOWN_KAFKA_CA_FILE, value: /etc/stepdown/kafka-ca/ca.crt}
{{- end }}
{{- if .Values.kafka.clientCertificateSecret.name }}
- {name: STEPDOWN_KAFKA_CERTIFICATE_FILE, value: /etc/stepdown/kafka-certificate/tls.crt}
- {name: STEPDOWN_KAFKA_KEY_FILE, value: /etc/stepdown/kafka-certificate/tls.key}
{{- end }}
{{- end }}

{{- define "stepdown.mounts.kafka" -}}
{{- if contains "SASL" .Values.kafka.securityProtocol }}
- {name: kafka-password, mountPath: /etc/stepdown/kafka-password, readOnly: true}
{{- end }}
{{- if .Values.kafka.caSecret.name }}
- {name: kafka-ca, mountPath: /etc/stepdown/kafka-ca, readOnly: true}
{{- end }}
{{- if .Values.kafka.clientCertificateSecret.name }}
- {name: kafka-certificate, mountPath: /etc/stepdown/kafka-certificate, readOnly: true}
{{- end }}
{{- end }}

{{- define "stepdown.volumes.kafka" -}}
{{- with .Values.kafka }}
{{- if contains "SASL" .securityProtocol }}
{{ include "stepdown.secretVolume" (dict "volume" "kafka-password" "secret" .passwordSecret.name "files" (dict "password" .passwordSecret.key)) }}
{{- end }}
{{- if .caSecret.name }}
{{ include "stepdown.secretVolume" (dict "volume" "kafka-ca" "secret" .caSecret.name "files" (dict "ca.crt" .caSecret.key)) }}
{{- end }}
{{- with .clientCertificateSecret }}
{{- if .name }}
{{ include "stepdown.secretVolume" (dict "volume" "kafka-certificate" "secret" .name "files" (dict "tls.crt" .certificateKey "tls.key" .keyKey)) }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{- /* What PostgreSQL's driver reads itself: how it speaks to the server. */ -}}
{{- define "stepdown.env.postgres" -}}
{{- with .Values.postgres.sslMode }}
- {name: PGSSLMODE, value: {{ . }}}
{{- end }}
{{- if .Values.postgres.caSecret.name }}
- {name: PGSSLROOTCERT, value: /etc/stepdown/postgres-ca/ca.crt}
{{- end }}
{{- end }}

{{- define "stepdown.mounts.postgres" -}}
{{- if .Values.postgres.caSecret.name }}
- {name: postgres-ca, mountPath: /etc/stepdown/postgres-ca, readOnly: true}
{{- end }}
{{- end }}

{{- define "stepdown.volumes.postgres" -}}
{{- with .Values.postgres.caSecret }}
{{- if .name }}
{{ include "stepdown.secretVolume" (dict "volume" "postgres-ca" "secret" .name "files" (dict "ca.crt" .key)) }}
{{- end }}
{{- end }}
{{- end }}

{{- define "stepdown.env.site" -}}
{{- if .Values.site.sample }}
- {name: STEPDOWN_SAMPLE_SITE, value: allow}
{{- else }}
- {name: STEPDOWN_CONFIG, value: /etc/stepdown/config}
{{- end }}
{{- end }}
