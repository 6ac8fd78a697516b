// Package connect is how the Proxmox of a NixMoxHost is reached: from the host's spec and the content of its Secrets to the client's options. It
// reads nothing itself; the controllers and the kubectl plugin read the Secrets, each in its way.
package connect

import (
	"github.com/nixmox/nixmox-controller/apis/v1alpha1"
	"github.com/nixmox/nixmox-controller/internal/proxmox"
)

// defaultCAKey is the key of the certificate authority in its Secret, as cert-manager and others name it.
const defaultCAKey = "ca.crt"

// Credentials are what the Secret of spec.credentialsRef holds; ok is false where something of them is missing.
func Credentials(data map[string][]byte) (c proxmox.Credentials, ok bool) {
	get := func(key string) string { return string(data[key]) }
	c = proxmox.Credentials{TokenID: get("tokenID"), TokenSecret: get("tokenSecret"), Username: get("username"), Password: get("password")}
	token := c.TokenID != "" && c.TokenSecret != ""
	user := c.TokenID == "" && c.Username != "" && c.Password != ""
	return c, token || user
}

// CASecret is where the certificate authority of the endpoints is; name is empty where no Secret holds it.
func CASecret(host *v1alpha1.NixMoxHost) (name, key string) {
	if host.Spec.TLS == nil || host.Spec.TLS.CASecretRef == nil {
		return "", ""
	}
	ref := host.Spec.TLS.CASecretRef
	if ref.Key == "" {
		return ref.Name, defaultCAKey
	}
	return ref.Name, ref.Key
}

// TLS is how the certificate is verified, with the authority itself in the place of the Secret that holds it.
func TLS(host *v1alpha1.NixMoxHost, caBundle string) v1alpha1.TLSSettings {
	var tls v1alpha1.TLSSettings
	if host.Spec.TLS != nil {
		tls = *host.Spec.TLS
	}
	if tls.CASecretRef != nil {
		tls.CABundle, tls.CASecretRef = caBundle, nil
	}
	return tls
}

// Options are those of the client. caBundle is what the Secret of CASecret holds.
func Options(host *v1alpha1.NixMoxHost, c proxmox.Credentials, caBundle string) proxmox.Options {
	tls := TLS(host, caBundle)
	return proxmox.Options{
		Endpoints: host.Spec.Endpoints, TokenID: c.TokenID, TokenSecret: c.TokenSecret, Username: c.Username, Password: c.Password,
		RootCAs: []byte(tls.CABundle), Fingerprint: tls.Fingerprint, InsecureSkipVerify: tls.InsecureSkipVerify,
	}
}
