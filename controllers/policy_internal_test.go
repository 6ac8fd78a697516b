package controllers

import (
	"testing"

	"github.com/nixmox/nixmox-controller/apis/v1alpha1"
)

func TestPathsOfTheNodeAreComparedPartByPart(t *testing.T) {
	host := &v1alpha1.NixMoxHost{}
	host.Spec.Policy.HostPaths = []string{"/tank/media", "/srv"}
	for path, allowed := range map[string]bool{
		"": true, "/tank/media": true, "/tank/media/films": true, "/srv/a b": true, "/srv/..a": true,
		"/tank": false, "/tank/mediatheque": false, "/etc": false, "/srv2": false, "tank/media": false,
		// The API server lets none of these through; whoever reads this code need not know that.
		"/srv/../etc": false, "/srv/": false, "/srv//a": false, "/tank/media/./films": false,
	} {
		svc := &v1alpha1.NixMoxService{}
		svc.Spec.Volumes = []v1alpha1.Volume{{Name: "a", HostPath: path}}
		if why := pathRefused(host, svc); (why == "") != allowed {
			t.Errorf("%q: %q", path, why)
		}
	}
}
