package e2e

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

const (
	kills            = 3
	writers          = 4
	writesBeforeKill = 60 // acknowledged, over all writers
)

// acknowledged are the writes that the API server has confirmed: names of
// objects, and the last value of each writer's counter.
type acknowledged struct {
	mu       sync.Mutex
	names    []string
	counters map[string]int
	enough   chan struct{}
	wanted   int
}

func (a *acknowledged) note(name, counter string, value int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.names = append(a.names, name)
	a.counters[counter] = value
	if len(a.names) == a.wanted {
		close(a.enough)
	}
}

func TestKillLosesNoAcknowledgedWrite(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	done := &acknowledged{counters: map[string]int{}}
	for round := range kills {
		i := start(t, dir)
		client := i.client(t)
		check(t, client, done)

		done.enough, done.wanted = make(chan struct{}), len(done.names)+writesBeforeKill
		ctx, cancel := context.WithCancel(t.Context())
		var all sync.WaitGroup
		for writer := range writers {
			all.Go(func() { write(ctx, client, done, fmt.Sprintf("round-%d-writer-%d", round, writer)) })
		}
		select {
		case <-done.enough: // the writers go on: the kill comes in the middle of writes
		case <-i.exited:
			t.Fatalf("it ended by itself; stderr:\n%s", i.stderr)
		}
		i.kill()
		cancel()
		all.Wait()
	}
	check(t, start(t, dir).client(t), done)
	t.Logf("%d acknowledged objects survived %d kills", len(done.names), kills)
}

// write creates objects and counts them in one that it updates, until the server
// is gone.
func write(ctx context.Context, client kubernetes.Interface, done *acknowledged, name string) {
	maps := client.CoreV1().ConfigMaps("default")
	counter, err := maps.Create(ctx, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: name}}, metav1.CreateOptions{})
	if err != nil {
		return
	}
	for n := 1; ; n++ {
		object := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("%s-%d", name, n)}}
		if _, err := maps.Create(ctx, object, metav1.CreateOptions{}); err != nil {
			return
		}
		counter.Data = map[string]string{"count": strconv.Itoa(n)}
		if counter, err = maps.Update(ctx, counter, metav1.UpdateOptions{}); err != nil {
			return
		}
		done.note(object.Name, name, n)
	}
}

func check(t *testing.T, client kubernetes.Interface, done *acknowledged) {
	t.Helper()
	list, err := client.CoreV1().ConfigMaps("default").List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	have := map[string]corev1.ConfigMap{}
	for _, object := range list.Items {
		have[object.Name] = object
	}
	for _, name := range done.names {
		if _, ok := have[name]; !ok {
			t.Errorf("%s was acknowledged and is lost", name)
		}
	}
	for name, want := range done.counters {
		// One more than acknowledged is right too: its answer died with the server.
		if got, _ := strconv.Atoi(have[name].Data["count"]); got < want || got > want+1 {
			t.Errorf("counter %s is %d, acknowledged was %d", name, got, want)
		}
	}
}
