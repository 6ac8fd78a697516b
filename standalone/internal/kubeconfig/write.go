// Package kubeconfig writes the administrator's kubeconfig of a standalone
// control plane. It never replaces a kubeconfig that somebody else wrote.
package kubeconfig

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/nixmox/nixmox-controller/standalone/internal/atomicfile"
	"github.com/nixmox/nixmox-controller/standalone/internal/certs"
)

// signature is the first line of every kubeconfig that we write: the proof that
// the file is ours to replace. kubectl config leaves it out when it changes the
// file, of which a file with our names alone is the proof then.
const signature = "# Written by nixmox up, and again at each of its starts.\n"

// name of the cluster, its user and its context.
const name = "nixmox"

// CheckFree fails when path holds something that Write would have to destroy.
// Called before anything is started, so that the refusal is immediate.
func CheckFree(path string) error {
	_, err := namespaceIn(path)
	return err
}

// namespaceIn is the namespace that somebody chose in a kubeconfig of ours, with
// kubectl config set-context. It fails when the file is not ours.
func namespaceIn(path string) (string, error) {
	content, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist), err == nil && len(content) == 0:
		return "", nil
	case err != nil:
		return "", fmt.Errorf("kubeconfig: %w", err)
	}
	config, err := clientcmd.Load(content)
	if err != nil {
		config = clientcmdapi.NewConfig()
	}
	if !bytes.HasPrefix(content, []byte(signature)) && !hasOurNamesAlone(config) {
		return "", fmt.Errorf("kubeconfig %s exists and was not written by nixmox up: it is left alone; choose another file with --kubeconfig", path)
	}
	if chosen := config.Contexts[name]; chosen != nil {
		return chosen.Namespace, nil
	}
	return "", nil
}

func hasOurNamesAlone(config *clientcmdapi.Config) bool {
	return config.CurrentContext == name && len(config.Clusters) == 1 && len(config.AuthInfos) == 1 && len(config.Contexts) == 1 &&
		config.Clusters[name] != nil && config.AuthInfos[name] != nil && config.Contexts[name] != nil
}

// Write puts an administrator's kubeconfig for the server at url into path,
// atomically and with mode 0600. Everything it needs is inside the file. The
// namespace that somebody chose in it stays.
func Write(path, url string, files certs.Files) error {
	namespace, err := namespaceIn(path)
	if err != nil {
		return err
	}
	config, err := build(url, files)
	if err != nil {
		return fmt.Errorf("kubeconfig: %w", err)
	}
	config.Contexts[name].Namespace = namespace
	content, err := clientcmd.Write(*config)
	if err != nil {
		return fmt.Errorf("kubeconfig: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("kubeconfig: %w", err)
	}
	if err := atomicfile.Write(path, append([]byte(signature), content...), 0o600); err != nil {
		return fmt.Errorf("kubeconfig: %w", err)
	}
	return nil
}

func build(url string, files certs.Files) (*clientcmdapi.Config, error) {
	ca, err := os.ReadFile(files.CACert)
	if err != nil {
		return nil, err
	}
	cert, err := os.ReadFile(files.AdminCert)
	if err != nil {
		return nil, err
	}
	key, err := os.ReadFile(files.AdminKey)
	if err != nil {
		return nil, err
	}
	config := clientcmdapi.NewConfig()
	config.Clusters[name] = &clientcmdapi.Cluster{Server: url, CertificateAuthorityData: ca}
	config.AuthInfos[name] = &clientcmdapi.AuthInfo{ClientCertificateData: cert, ClientKeyData: key}
	config.Contexts[name] = &clientcmdapi.Context{Cluster: name, AuthInfo: name}
	config.CurrentContext = name
	return config, nil
}
