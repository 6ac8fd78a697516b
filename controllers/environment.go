package controllers

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/nixmox/nixmox-controller/apis/v1alpha1"
	"github.com/nixmox/nixmox-controller/internal/guest"
)

// environmentAge is how long a Secret may have changed before it is read again: we do not watch Secrets, which would take the right to
// list them all.
const environmentAge = 5 * time.Minute

// environment is what is to be in a container's environment file. It is a secret: it goes to the container and nowhere else.
type environment struct {
	content []byte
	hash    string
	// stale explains why the content could not be read again; what was written stays.
	stale string
}

func hasEnvironment(svc *v1alpha1.NixMoxService) bool {
	return len(svc.Spec.Environment)+len(svc.Spec.EnvironmentFrom) > 0
}

// readEnvironment reads the Secrets of a service that is to run. The first time they hold it back while one is missing; later what was
// written stays as it is.
func (r *ServiceReconciler) readEnvironment(ctx context.Context, p *pass) *Outcome {
	if !p.desired.Run || !hasEnvironment(p.svc) && p.svc.Status.Environment == nil {
		return nil
	}
	for name := range p.svc.Spec.Environment {
		if !variableName.MatchString(name) {
			p.mark(v1alpha1.ConditionValid, metav1.ConditionFalse, v1alpha1.ReasonInvalid, "spec.environment: %q is not a variable's name", name)
			o := stalled(v1alpha1.ReasonInvalid, "spec.environment: %q is not a variable's name: letters, digits and _, and no digit first", name)
			return &o
		}
	}
	if r.Guests.Executor(hostOf(p.svc)) == nil {
		o := waiting(v1alpha1.ReasonEnvironment, "The environment file needs commands inside the container: set spec.exec of host %s (docs/exec.md)", p.host.Name)
		return &o
	}
	content, problem := r.environmentOf(ctx, p.svc)
	switch {
	case problem != "" && p.svc.Status.Environment == nil:
		o := waiting(v1alpha1.ReasonEnvironment, "%s", problem).again(later)
		return &o
	case problem != "":
		p.environment = &environment{stale: problem}
	default:
		p.environment = &environment{content: content, hash: r.Guests.Seal(hostOf(p.svc), append([]byte(p.svc.UID), content...))}
	}
	return nil
}

var variableName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// environmentOf is the file's text, or what is missing for it. The sentence names Secrets and keys, never a value.
func (r *ServiceReconciler) environmentOf(ctx context.Context, svc *v1alpha1.NixMoxService) (content []byte, problem string) {
	all := map[string]string{}
	for _, from := range svc.Spec.EnvironmentFrom {
		secret := &corev1.Secret{}
		name := client.ObjectKey{Namespace: svc.Namespace, Name: from.SecretRef.Name}
		if err := r.Uncached.Get(ctx, name, secret); apierrors.IsNotFound(err) {
			return nil, fmt.Sprintf("Waiting for Secret %s, which spec.environmentFrom names", name)
		} else if err != nil {
			return nil, fmt.Sprintf("Secret %s, which spec.environmentFrom names, cannot be read: %s", name, err)
		}
		for _, key := range slices.Sorted(maps.Keys(secret.Data)) {
			if !variableName.MatchString(key) {
				return nil, fmt.Sprintf("Secret %s has the key %q, which is not a variable's name: letters, digits and _, and no digit first", name, key)
			}
			all[key] = string(secret.Data[key])
		}
	}
	maps.Copy(all, svc.Spec.Environment)
	var b strings.Builder
	for _, key := range slices.Sorted(maps.Keys(all)) {
		if value := all[key]; !utf8.ValidString(value) || strings.ContainsRune(value, 0) {
			return nil, fmt.Sprintf("The variable %s holds bytes that no environment can carry: it must be plain UTF-8 text", key)
		}
		// As systemd's EnvironmentFile= and a shell read it alike.
		fmt.Fprintf(&b, "%s=\"%s\"\n", key, strings.NewReplacer(`\`, `\\`, `"`, `\"`, "$", `\$`, "`", "\\`").Replace(all[key]))
	}
	return []byte(b.String()), ""
}

// writeEnvironment has the file of a running container written where it is not what it should be; nil when it is.
func (r *ServiceReconciler) writeEnvironment(p *pass) *Outcome {
	if p.environment == nil || p.environment.stale != "" {
		return nil
	}
	s := &p.svc.Status
	job := environmentJob{hash: p.environment.hash, epoch: p.guest.Starts + r.environments.starts(p.key)}
	written := s.Environment != nil && s.Environment.Hash == job.hash
	if written && (job.epoch == 0 || r.environments.verified(p.key, job)) {
		return nil
	}
	switch err, over := r.environments.result(p.key, job); {
	case over && err == nil:
		s.Environment = &v1alpha1.EnvironmentStatus{Hash: job.hash}
		if !hasEnvironment(p.svc) {
			s.Environment = nil // it was emptied
		}
		return nil
	case errors.Is(err, errWriting):
		o := waiting(v1alpha1.ReasonEnvironment, "Writing the environment file of container %d", s.VMID)
		return &o
	case over:
		o := waiting(v1alpha1.ReasonEnvironment, "The environment file of container %d could not be written: %s", s.VMID, err).again(soon)
		return &o
	}
	executor, container := r.Guests.Executor(hostOf(p.svc)), guest.Container{Node: p.guest.Node, VMID: int(p.guest.VMID)}
	script, content := environmentScript(p.svc.Spec.EnvironmentReload), p.environment.content
	r.Scheduler.Pause(p.key.String())
	r.environments.begin(p.key, job, func(ctx context.Context) error {
		return feed(ctx, executor, container, script, content)
	})
	o := waiting(v1alpha1.ReasonEnvironment, "Writing the environment file of container %d", s.VMID)
	return &o
}

// exitReload is the script's exit code for a reload that failed.
const exitReload = 75

// environmentScript writes its input to the file, in whole or not at all, and only if it differs; then it has the service read it. A
// reload that was interrupted is still owed the next time.
func environmentScript(reload string) string {
	script := `set -eu
umask 077
mkdir -p /etc/nixmox
f=/etc/nixmox/environment
rm -f $f.new
cat >$f.new
if [ -f $f ] && [ "$(cat $f)" = "$(cat $f.new)" ]; then
	rm -f $f.new
else
	: >$f.reload
	mv -f $f.new $f
fi
[ -f $f.reload ] || exit 0
`
	if strings.TrimSpace(reload) != "" {
		// Its output is not shown: it may hold what it has just read.
		script += fmt.Sprintf("/bin/sh -c '%s' </dev/null >/dev/null 2>&1 || exit %d\n", strings.ReplaceAll(reload, "'", `'\''`), exitReload)
	}
	return script + "rm -f $f.reload\n"
}

func feed(ctx context.Context, executor guest.Feeder, c guest.Container, script string, content []byte) error {
	if executor == nil {
		return guest.ErrNotConfigured
	}
	result, err := executor.RunInput(ctx, c, script, content)
	switch {
	case err != nil:
		return err
	case result.ExitCode == exitReload:
		return errors.New("it was written, and environmentReload failed; it is tried again")
	case result.ExitCode != 0:
		return fmt.Errorf("exit code %d: %s", result.ExitCode, strings.TrimSpace(result.Stderr))
	}
	return nil
}

// withEnvironment says of an outcome that the environment may be out of date, and when it is looked at again.
func (p *pass) withEnvironment(o Outcome) Outcome {
	if p.environment == nil {
		return o
	}
	if p.environment.stale != "" {
		o.Message += ". The environment file stays as it was: " + p.environment.stale
	}
	if len(p.svc.Spec.EnvironmentFrom) > 0 {
		o.Again = shorter(o.Again, environmentAge)
	}
	return o
}
