package connect_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nixmox/nixmox-controller/apis/v1alpha1"
	"github.com/nixmox/nixmox-controller/internal/connect"
	"github.com/nixmox/nixmox-controller/internal/proxmox"
)

func TestCredentialsAreWholeOrNot(t *testing.T) {
	for name, c := range map[string]struct {
		data map[string]string
		ok   bool
	}{
		"a token":                   {map[string]string{"tokenID": "a@pve!b", "tokenSecret": "c"}, true},
		"a user":                    {map[string]string{"username": "a@pve", "password": "c"}, true},
		"a token beside a user":     {map[string]string{"tokenID": "a@pve!b", "tokenSecret": "c", "username": "a@pve"}, true},
		"a token without secret":    {map[string]string{"tokenID": "a@pve!b"}, false},
		"half a token, whole user":  {map[string]string{"tokenID": "a@pve!b", "username": "a@pve", "password": "c"}, false},
		"a secret without its name": {map[string]string{"tokenSecret": "c"}, false},
		"a user without a password": {map[string]string{"username": "a@pve"}, false},
		"nothing":                   {nil, false},
	} {
		data := map[string][]byte{}
		for key, value := range c.data {
			data[key] = []byte(value)
		}
		got, ok := connect.Credentials(data)
		if ok != c.ok || got.TokenID != c.data["tokenID"] || got.Password != c.data["password"] {
			t.Errorf("%s: %v", name, ok)
		}
	}
}

func TestTheAuthorityOfASecretTakesThePlaceOfItsReference(t *testing.T) {
	host := &v1alpha1.NixMoxHost{}
	host.Spec.Endpoints = []string{"https://pve1.lan:8006"}
	if name, key := connect.CASecret(host); name+key != "" {
		t.Errorf("no authority is asked for, and it names %s %s", name, key)
	}
	host.Spec.TLS = &v1alpha1.TLSSettings{Fingerprint: "AA", CASecretRef: &v1alpha1.SecretKeyReference{Name: "ca"}}
	if name, key := connect.CASecret(host); name != "ca" || key != "ca.crt" {
		t.Errorf("%s %s", name, key)
	}
	host.Spec.TLS.CASecretRef.Key = "root.pem"
	if _, key := connect.CASecret(host); key != "root.pem" {
		t.Error(key)
	}
	got := connect.Options(host, proxmox.Credentials{TokenID: "a@pve!b", TokenSecret: "c"}, "PEM")
	want := proxmox.Options{Endpoints: host.Spec.Endpoints, TokenID: "a@pve!b", TokenSecret: "c", RootCAs: []byte("PEM"), Fingerprint: "AA"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if host.Spec.TLS.CASecretRef == nil {
		t.Error("the host itself was changed")
	}
}
