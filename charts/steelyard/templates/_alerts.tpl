{{- /* One alert, one page in docs/runbooks/ of the same name. */ -}}
{{- define "steelyard.alerts" -}}
{{- $own := printf "job=%q, namespace=%q" (printf "%s-metrics" (include "steelyard.fullname" .)) .Release.Namespace -}}
{{- $rule := .Values.prometheusRule -}}
- alert: SteelyardLeaderAbsent
  expr: (sum(steelyard_leader{ {{- $own -}} }) or vector(0)) < 1
  for: 2m
  labels: {severity: critical}
  annotations:
    summary: No replica of the operator leads.
    description: What serves goes on as it is. Nothing is scaled, repaired or moved until a replica holds the Lease.
- alert: SteelyardDecisionCycleStale
  expr: time() - max(steelyard_last_decision_cycle_timestamp_seconds{ {{- $own -}} }) > 300
  for: 1m
  labels: {severity: critical}
  annotations:
    summary: No decision cycle has ended for five minutes.
    description: The leader holds the Lease but does not decide. What serves goes on as it is, and is not scaled.
- alert: SteelyardWorkloadHeld
  expr: max by (namespace, workload) (steelyard_condition_status{type="Held", status="True"}) == 1
  for: {{ int64 $rule.heldSeconds }}s
  labels: {severity: info}
  annotations:
    summary: {{ "'Workload {{ $labels.namespace }}/{{ $labels.workload }} is held.'" }}
    description: No voluntary action is taken for it. Sizing up and rollbacks go on. The condition Held says why.
- alert: SteelyardSLONotMet
  expr: max by (namespace, workload) (steelyard_condition_status{type="SLOMet", status="False"}) == 1
  for: 15m
  labels: {severity: warning}
  annotations:
    summary: {{ "'Workload {{ $labels.namespace }}/{{ $labels.workload }} misses its latency objective.'" }}
    description: More requests than the objective allows are too slow, failed or refused, although replicas may be added.
- alert: SteelyardCompileFailing
  expr: max by (namespace, workload) (steelyard_condition_status{type="Compiled", status="False"}) == 1
  for: {{ int64 $rule.compileFailingSeconds }}s
  labels: {severity: warning}
  annotations:
    summary: {{ "'Workload {{ $labels.namespace }}/{{ $labels.workload }} has no artifact for a pool.'" }}
    description: A compile fails or takes very long. Serving goes on with the artifacts that are there.
- alert: SteelyardPriceStale
  expr: max by (pool) (steelyard_price_age_seconds / steelyard_price_validity_seconds) > {{ int64 $rule.priceAgePercent }} / 100
  for: 1h
  labels: {severity: warning}
  annotations:
    summary: {{ "'The price of pool {{ $labels.pool }} is soon too old, or is already.'" }}
    description: A price that is too old for its class holds all moves from and to the pool. Read it again, and set pricePerHour and asOf together.
- alert: SteelyardInputRejected
  expr: sum by (source, reason) (increase(steelyard_input_rejected_total[15m])) > 0
  for: 15m
  labels: {severity: warning}
  annotations:
    summary: {{ "'Readings from {{ $labels.source }} are rejected: {{ $labels.reason }}.'" }}
    description: Values that cannot be true are not used. Workloads without other readings are held.
- alert: SteelyardExitProofStale
  expr: >-
    time() - (max by (namespace, workload) (steelyard_exit_drill_proven_timestamp_seconds) or
    max by (namespace, workload) (steelyard_exit_drill_wanted_timestamp_seconds)) >
    2 * max by (namespace, workload) (steelyard_exit_drill_period_seconds)
  for: 15m
  labels: {severity: warning}
  annotations:
    summary: {{ "'That workload {{ $labels.namespace }}/{{ $labels.workload }} could leave its accelerator family is not proven any more.'" }}
    description: No exit drill has proven it for twice the period of spec.placement.exitDrill. Serving goes on. status.exitDrill says why.
{{- end -}}
