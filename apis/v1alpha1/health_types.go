package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Duration is a span of time as Go writes it, such as 30s or 5m.
//
// +kubebuilder:validation:Type=string
// +kubebuilder:validation:MaxLength=32
// +kubebuilder:validation:XValidation:rule="self.matches('^([0-9]{1,5}([.][0-9]{1,9})?(s|m|h)|[0-9]{1,8}ms){1,4}$') && duration(self) >= duration('100ms') && duration(self) <= duration('24h')",message="must be a duration from 100ms to 24h, such as 30s or 5m"
type Duration struct {
	metav1.Duration `json:",inline"`
}

// ServiceHealth says how a service's health is seen, beyond its healthCheck.
type ServiceHealth struct {
	HealthSettings `json:",inline"`

	// startup is the check that must pass once after each start, in the forms of healthCheck (default: the liveness check).
	// +optional
	Startup HealthCheckText `json:"startup,omitempty"`

	// liveness is the check that is made for ever after, in the forms of healthCheck (default: healthCheck, else what is known of the
	// service by its name, else a connect to its first TCP port, else that it runs).
	// +optional
	Liveness HealthCheckText `json:"liveness,omitempty"`

	// comprehensive makes all the checks that are known for the service by its name, in layers: systemd, http, tcp, database, filesystem,
	// network (default false). All pass: healthy; some: degraded; none: unhealthy. With a healthCheck that check is one layer more.
	// +optional
	Comprehensive bool `json:"comprehensive,omitempty"`
}

// HealthCheckText is a check in one of the forms of healthCheck.
//
// +kubebuilder:validation:MaxLength=2048
// +kubebuilder:validation:XValidation:rule="!self.matches('^[[:space:]]*$')",message="a check must not be blank: leave it out for the default check"
// +kubebuilder:validation:XValidation:rule="!self.matches('(?i)^[[:space:]]*tcp:') || self.matches('(?i)^[[:space:]]*tcp:(([a-z0-9.-]+|[[][0-9a-f:.]+[]]):)?([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])[[:space:]]*$')",message="a tcp health check is tcp:PORT or tcp:HOST:PORT with a port from 1 to 65535"
// +kubebuilder:validation:XValidation:rule="!self.matches('(?i)^[[:space:]]*https?([+]insecure)?://') || (self.matches('(?i)^[[:space:]]*https?([+]insecure)?://([a-z0-9.-]+|[[][0-9a-f:.]+[]])(:([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]))?([/?#][^[:space:]]*)?[[:space:]]*$') && isURL(self.trim()))",message="an http health check is one URL without user and spaces, such as http://localhost:8080/health"
type HealthCheckText string

// HealthSettings set how often and how patiently a check runs. What a service omits comes from its host, and what the host
// omits has the default named here.
type HealthSettings struct {
	// interval between two checks of a service that started (default 30s).
	// +optional
	Interval *Duration `json:"interval,omitempty"`

	// timeout of one check (default 10s).
	// +optional
	Timeout *Duration `json:"timeout,omitempty"`

	// retries is how many checks in a row must fail before the service is unhealthy (default 3).
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=100
	Retries *int32 `json:"retries,omitempty"`

	// retryDelay between a failed check and the next (default 10s).
	// +optional
	RetryDelay *Duration `json:"retryDelay,omitempty"`

	// startupTimeout is how long the first success may take before the service counts as failed to start (default 5m). It is
	// checked further on.
	// +optional
	StartupTimeout *Duration `json:"startupTimeout,omitempty"`
}
