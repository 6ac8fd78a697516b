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
