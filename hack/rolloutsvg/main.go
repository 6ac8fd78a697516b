// Command rolloutsvg draws docs/images/rollout.svg, the README's picture, from docs/images/rollout.txt, which is what
// `make demo-check` printed once, unedited. The same text gives the same picture. To record anew:
//
//	go run ./hack/democheck --bin bin >docs/images/rollout.txt && go run ./hack/rolloutsvg
package main

import (
	"flag"
	"fmt"
	"os"

	"sigs.k8s.io/yaml"

	"github.com/nixmox/nixmox-controller/apis/v1alpha1"
	"github.com/nixmox/nixmox-controller/config/samples"
)

func main() {
	in := flag.String("in", "docs/images/rollout.txt", "recorded output of make demo-check")
	out := flag.String("out", "docs/images/rollout.svg", "picture to write")
	flag.Parse()
	if err := run(*in, *out); err != nil {
		fmt.Fprintln(os.Stderr, "Error:", err)
		os.Exit(1)
	}
}

func run(in, out string) error {
	text, err := os.ReadFile(in)
	if err != nil {
		return err
	}
	picture, err := picture(string(text))
	if err != nil {
		return fmt.Errorf("%s: %w", in, err)
	}
	return os.WriteFile(out, []byte(picture), 0o644)
}

// picture is the SVG of a recording of the sample stack.
func picture(recording string) (string, error) {
	r, err := parse(recording)
	if err != nil {
		return "", err
	}
	phases, err := samplePhases()
	if err != nil {
		return "", err
	}
	return draw(r, phases)
}

// samplePhases are the named phases of the sample host.
func samplePhases() ([]v1alpha1.Phase, error) {
	data, err := samples.FS.ReadFile("stack/host.yaml")
	if err != nil {
		return nil, err
	}
	var host v1alpha1.NixMoxHost
	if err := yaml.UnmarshalStrict(data, &host); err != nil {
		return nil, fmt.Errorf("the sample host: %w", err)
	}
	return host.Spec.Phases, nil
}
