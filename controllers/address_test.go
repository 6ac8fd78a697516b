package controllers_test

import (
	"strings"
	"testing"
	"time"

	"github.com/nixmox/nixmox-controller/apis/v1alpha1"
	"github.com/nixmox/nixmox-controller/internal/proxmox"
)

// watchAddresses looks all the time whether two running containers have one address, until the test ends.
func (l *lab) watchAddresses() {
	done, stop := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			has := map[string]int{}
			for _, c := range l.pve.Containers() {
				net, err := proxmox.ParseNet(c.Config["net0"])
				if !c.Running || err != nil {
					continue
				}
				if other := has[net.IP]; other != 0 {
					l.t.Errorf("containers %d and %d both have %s", other, c.VMID, net.IP)
					return
				}
				has[net.IP] = c.VMID
			}
			select {
			case <-stop:
				return
			case <-time.After(2 * time.Millisecond):
			}
		}
	}()
	l.t.Cleanup(func() {
		close(stop)
		<-done
	})
}

func TestSwappedAddressesAreHandedOverWithOneStop(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.host()
	l.service("a", checked(11, "a", ""))
	l.service("b", checked(12, "b", ", dependsOn: [a], restartPolicy: never"))
	l.service("c", checked(13, "c", ", dependsOn: [a]"))
	l.ready("a", "b", "c")
	l.watchAddresses()
	// a -> b -> c -> a, edited one after the other: until the circle is closed they are duplicates, and wait.
	l.edit("a", func(s *v1alpha1.NixMoxService) { s.Spec.IP = "192.168.99.12" })
	l.edit("b", func(s *v1alpha1.NixMoxService) { s.Spec.IP = "192.168.99.13" })
	l.edit("c", func(s *v1alpha1.NixMoxService) { s.Spec.IP = "192.168.99.11" })
	l.ready("a", "b", "c")
	for name, ip := range map[string]string{"a": "12", "b": "13", "c": "11"} {
		if net := l.container(name).Config["net0"]; !strings.Contains(net, "ip=192.168.99."+ip+"/24") {
			t.Errorf("%s has %s", name, net)
		}
	}
	if tasks := l.tasksOf("vzshutdown"); len(tasks) != 1 || tasks[0] != "vzshutdown "+itoa(l.get("c").Status.VMID) {
		t.Errorf("stopped: %v", tasks)
	}
	if !l.seen.planned("c", "Shutdown (disrupts): hands 192.168.99.13 over to b\nConfigure: ip 192.168.99.13/24 -> 192.168.99.11/24\nStart: second half of the restart") {
		t.Error("the order was not in the plan")
	}
}

func TestTwoThatDoNotRestartSwapTheirAddresses(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.host()
	l.service("a", checked(11, "a", ", restartPolicy: never"))
	l.service("b", checked(12, "b", ", restartPolicy: never"))
	l.ready("a", "b")
	l.watchAddresses()
	l.edit("a", func(s *v1alpha1.NixMoxService) { s.Spec.IP, s.Spec.Suspend = "192.168.99.12", true })
	l.edit("b", func(s *v1alpha1.NixMoxService) { s.Spec.IP = "192.168.99.11" })
	// One of them is left as it is, so the other is not stopped in vain.
	l.situated("b", v1alpha1.ReasonWaitingForAddress, onItsWay, "Waiting for the container of a to give up 192.168.99.11, before: Configure: ip")
	l.edit("a", func(s *v1alpha1.NixMoxService) { s.Spec.Suspend = false })
	l.ready("a", "b")
	if n := l.begun("vzshutdown", 0); n != 1 || !l.container("a").Running || !l.container("b").Running {
		t.Errorf("%d stops", n)
	}
	// A new service waits for the address of one that is still being shut down.
	l.edit("a", func(s *v1alpha1.NixMoxService) { s.Spec.Enable = ptr(false) })
	l.service("c", checked(12, "c", ""))
	l.ready("a", "c")
}
