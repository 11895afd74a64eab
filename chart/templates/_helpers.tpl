{{- define "exporter-hub.name" -}}
{{- if contains .Chart.Name .Release.Name }}{{ .Release.Name | trunc 50 | trimSuffix "-" }}
{{- else }}{{ printf "%s-%s" .Release.Name .Chart.Name | trunc 50 | trimSuffix "-" }}{{ end }}
{{- end }}

{{- define "exporter-hub.selector" -}}
app.kubernetes.io/name: {{ .root.Chart.Name }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{- define "exporter-hub.labels" -}}
{{ include "exporter-hub.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version }}
{{- end }}

{{/* The name of a component's resources: a dict of root and component. */}}
{{- define "exporter-hub.fullname" -}}
{{ include "exporter-hub.name" .root }}-{{ .component }}
{{- end }}

{{/* The settings, with the host of the Ingress and the address of the metrics. */}}
{{- define "exporter-hub.settings" -}}
{{- $settings := dict }}
{{- if .Values.ingress.enabled }}
{{- $_ := set $settings "HUB_ALLOWED_HOSTS" (required "Set ingress.host." .Values.ingress.host) }}
{{- end }}
{{- range list "SECRET_KEY" "FIELD_ENCRYPTION_KEY" "DATABASE_URL" "REDIS_URL" "BROKER_URL" "GITHUB_TOKEN" "GITHUB_WEBHOOK_SECRET" "HUB_ADMIN_PASSWORD" "FLOWER_BASIC_AUTH" }}
{{- if hasKey $.Values.settings . }}
{{- fail (printf "%s is a secret: put it into the Secret that existingSecret names, not into settings." .) }}
{{- end }}
{{- end }}
{{- if or .Values.podMonitor.enabled .Values.serviceMonitor.enabled }}
{{- $_ := set $settings "HUB_METRICS_ADDR" "0.0.0.0:8005" }}
{{- end }}
{{- mergeOverwrite $settings .Values.settings | toYaml }}
{{- end }}

{{/*
The metadata and spec of a pod with one container. A dict of root and component, and optional: args
(default: the component), ports, container (more of its fields), restartPolicy.
*/}}
{{- define "exporter-hub.pod" -}}
{{- $values := .root.Values -}}
{{- $ports := .ports | default list -}}
{{- $metrics := get (dict "web" 8005 "worker" 8006 "beat" 8007) .component -}}
{{- if and $metrics (or $values.podMonitor.enabled $values.serviceMonitor.enabled) -}}
{{- $ports = append $ports (dict "name" "metrics" "containerPort" $metrics) -}}
{{- end -}}
metadata:
  labels: {{- include "exporter-hub.labels" . | nindent 4 }}
  {{- with $values.podAnnotations }}
  annotations: {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  automountServiceAccountToken: false
  terminationGracePeriodSeconds: 15
  {{- with .restartPolicy }}
  restartPolicy: {{ . }}
  {{- end }}
  securityContext:
    runAsNonRoot: true
    runAsUser: 10001
    runAsGroup: 10001
    seccompProfile: {type: RuntimeDefault}
  {{- with $values.imagePullSecrets }}
  imagePullSecrets: {{- toYaml . | nindent 4 }}
  {{- end }}
  containers:
    - name: {{ .component }}
      image: "{{ $values.image.repository }}:{{ $values.image.tag | default .root.Chart.AppVersion }}"
      imagePullPolicy: {{ $values.image.pullPolicy }}
      args: {{ .args | default (list .component) | toJson }}
      envFrom:
        - secretRef:
            name: {{ required "Set existingSecret to the name of a Secret with the keys SECRET_KEY, FIELD_ENCRYPTION_KEY, DATABASE_URL and REDIS_URL." $values.existingSecret }}
      {{- with include "exporter-hub.settings" .root | fromYaml }}
      env:
        {{- range $name, $value := . }}
        - {name: {{ $name }}, value: {{ $value | quote }}}
        {{- end }}
      {{- end }}
      {{- with $ports }}
      ports: {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with .container }}
      {{- toYaml . | nindent 6 }}
      {{- end }}
      securityContext:
        allowPrivilegeEscalation: false
        readOnlyRootFilesystem: true
        capabilities: {drop: [ALL]}
      volumeMounts:
        - {name: tmp, mountPath: /tmp}
  volumes:
    - {name: tmp, emptyDir: {}}
  {{- with $values.nodeSelector }}
  nodeSelector: {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $values.tolerations }}
  tolerations: {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $values.affinity }}
  affinity: {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end }}
