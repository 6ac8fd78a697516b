package main

import (
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
	_ "k8s.io/client-go/plugin/pkg/client/auth" // login methods that a kubeconfig may ask for
	"k8s.io/component-base/cli"
	"k8s.io/component-base/logs"
	upstream "k8s.io/kubectl/pkg/cmd"
	cmdutil "k8s.io/kubectl/pkg/cmd/util"
)

// kubectl runs the real kubectl with args[0] as its name. Where nobody says
// which cluster, it is the one that `nixmox up` runs by default.
func kubectl(args []string) int {
	useDefaultKubeconfig()
	os.Args = args // kubectl looks there, also for the names of its plugins
	_, _ = logs.GlogSetter(upstream.GetLogVerbosity(args))
	if err := cli.RunNoErrOutput(upstream.NewDefaultKubectlCommand()); err != nil {
		cmdutil.CheckErr(err) // prints it as kubectl does, and exits
		return 1
	}
	return 0
}

// useDefaultKubeconfig chooses the cluster of `nixmox up` where nobody says which.
func useDefaultKubeconfig() {
	if kubeconfig := filepath.Join(defaultDataDir(), kubeconfigName); os.Getenv("KUBECONFIG") == "" && exists(kubeconfig) {
		_ = os.Setenv("KUBECONFIG", kubeconfig)
	}
}

// kubectlHelp makes kubectl show up in `nixmox help`; main runs it.
func kubectlHelp() *cobra.Command {
	return &cobra.Command{
		Use:                "kubectl",
		Short:              "The kubectl of Kubernetes, all of it",
		DisableFlagParsing: true,
		Run:                func(*cobra.Command, []string) { os.Exit(kubectl([]string{"kubectl", "--help"})) },
	}
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
