package v1alpha1_test

import (
	"strings"
	"testing"

	"github.com/nixmox/nixmox-controller/test/apiserver"
)

func TestServicesThatAreRefused(t *testing.T) { checkRules(t, plainService, serviceRules) }

func TestHostsThatAreRefused(t *testing.T) { checkRules(t, plainHost, hostRules) }

func TestServicesThatAreAccepted(t *testing.T) { checkAccepted(t, plainService, acceptedServices) }

func TestHostsThatAreAccepted(t *testing.T) { checkAccepted(t, plainHost, acceptedHosts) }

func checkRules(t *testing.T, base string, rules []rule) {
	namespace := apiserver.Get(t).Namespace(t)
	for _, c := range rules {
		t.Run(c.what, func(t *testing.T) {
			checkRefused(t, judge(t, namespace, document(t, base, c.spec, c.object)), c.field, c.message, c.also)
		})
	}
}

// checkAccepted takes one spec a line. They are what a careless rule would refuse.
func checkAccepted(t *testing.T, base, specs string) {
	namespace := apiserver.Get(t).Namespace(t)
	for spec := range strings.SplitSeq(strings.TrimSpace(specs), "\n") {
		t.Run(spec, func(t *testing.T) {
			if err := judge(t, namespace, document(t, base, spec, "")); err != nil {
				t.Errorf("refused: %v", err)
			}
		})
	}
}
