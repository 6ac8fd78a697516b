package demo

import (
	"fmt"

	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/nixmox/nixmox-controller/internal/app"
)

// What the sample world (config/samples/demo/world.json) says of its token and of the addresses that its containers answer at.
const (
	TokenID     = "nixmox@pve!ctl"
	TokenSecret = "00000000-0000-0000-0000-00000000demo"
	AddressMap  = "192.168.99.0/24=127.0.99.0/24"
)

// Connect makes a client for the API server that a kubeconfig names.
func Connect(kubeconfig string) (client.Client, error) {
	cfg, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", kubeconfig, err)
	}
	cfg.QPS = -1 // following a stack asks often
	scheme, err := app.Scheme()
	if err != nil {
		return nil, err
	}
	return client.New(cfg, client.Options{Scheme: scheme})
}
