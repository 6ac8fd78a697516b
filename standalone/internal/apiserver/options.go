package apiserver

import (
	"fmt"
	"net"

	"k8s.io/apiserver/pkg/features"
	"k8s.io/apiserver/pkg/util/compatibility"
	utilfeature "k8s.io/apiserver/pkg/util/feature"
	cliflag "k8s.io/component-base/cli/flag"
	upstream "k8s.io/kubernetes/pkg/controlplane/apiserver/options"
	"k8s.io/kubernetes/pkg/controlplane/apiserver/samples/generic/server"
	"k8s.io/kubernetes/pkg/kubeapiserver/authorizer/modes"

	"github.com/nixmox/nixmox-controller/standalone/internal/certs"
)

// issuer names the service account tokens of this control plane. It is an
// identity, never dialled.
const issuer = "https://kubernetes.default.svc"

// Config is what the API server is told from outside.
type Config struct {
	Listener     net.Listener // TCP, open; the server closes it
	ExternalHost string       // the host under which clients reach Listener
	EtcdEndpoint string
	Certs        certs.Files
}

// options are upstream's defaults with our choices.
func options(cfg Config) (*upstream.Options, error) {
	if err := setFeatures(); err != nil {
		return nil, err
	}
	address, ok := cfg.Listener.Addr().(*net.TCPAddr)
	if !ok {
		return nil, fmt.Errorf("listener %s is not TCP", cfg.Listener.Addr())
	}
	o := server.NewOptions()
	o.Etcd.StorageConfig.Transport.ServerList = []string{cfg.EtcdEndpoint}

	o.SecureServing.Listener = cfg.Listener
	o.SecureServing.BindAddress = address.IP
	o.SecureServing.BindPort = address.Port
	o.SecureServing.ServerCert.CertKey.CertFile = cfg.Certs.ServingCert
	o.SecureServing.ServerCert.CertKey.KeyFile = cfg.Certs.ServingKey
	o.GenericServerRunOptions.ExternalHost = cfg.ExternalHost
	// Left empty, the server searches the default route for an address to tell
	// its peers, and fails on a machine without one.
	o.GenericServerRunOptions.AdvertiseAddress = advertised(address.IP)

	o.Authentication.ClientCert.ClientCA = cfg.Certs.CACert
	o.Authentication.ServiceAccounts.Issuers = []string{issuer}
	o.Authentication.ServiceAccounts.KeyFiles = []string{cfg.Certs.ServiceAccountKey}
	o.ServiceAccountSigningKeyFile = cfg.Certs.ServiceAccountKey
	o.Authorization.Modes = []string{modes.ModeRBAC} // the default allows everything

	// Fairness between many tenants would cost a start thirty objects, and a
	// resting server a wake-up every ten seconds. The plain limits on requests in
	// flight remain.
	o.Features.EnablePriorityAndFairness = false
	o.APIEnablement.RuntimeConfig = cliflag.ConfigurationMap{"flowcontrol.apiserver.k8s.io/v1": "false"}
	o.Features.EnableProfiling = false
	o.Metrics = nil // flags about single metrics; /metrics itself stays
	return o, nil
}

// setFeatures turns off what only several API servers need of each other, which
// would write a lease every ten seconds for as long as the server rests.
func setFeatures() error {
	err := utilfeature.DefaultMutableFeatureGate.SetFromMap(map[string]bool{
		string(features.APIServerIdentity):                   false,
		string(features.UnknownVersionInteroperabilityProxy): false,
	})
	if err != nil {
		return err
	}
	return compatibility.DefaultComponentGlobalsRegistry.Set() // no change after this
}

func advertised(bound net.IP) net.IP {
	if bound.IsUnspecified() {
		return net.IPv4(127, 0, 0, 1)
	}
	return bound
}
