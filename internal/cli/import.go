package cli

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"sigs.k8s.io/yaml"

	"github.com/nixmox/nixmox-controller/internal/nixmox"
)

//go:embed import.nix
var evaluate string

type importOptions struct {
	nixmox.Options
	strict bool
	dir    string
}

func (p *program) importCommand() *cobra.Command {
	var opts importOptions
	c := &cobra.Command{
		Use:   "import FILE",
		Short: "Turn a NixMox manifest into manifests of this controller",
		Long: `Turn a NixMox manifest into manifests of this controller: a NixMoxHost with its network and phases, and a NixMoxService for each service.

FILE is what nix-instantiate --eval --json --strict prints (- is standard input), or a .nix file, if nix-instantiate is on the PATH: an
attribute set, or a module that sets services.nixmox. What has no place here is a warning with its path, and stands as a comment above
the object; with --strict it is an error.`,
		Example: "  import manifest.nix --endpoint https://pve1.lan:8006 > stack.yaml\n  nix-instantiate --eval --json --strict manifest.nix | kubectl nixmox import -",
		Args:    one("the NixMox manifest, or - for standard input"),
		RunE:    func(c *cobra.Command, args []string) error { return p.importManifest(c.Context(), args[0], &opts) },
	}
	f := c.Flags()
	f.StringSliceVar(&opts.Endpoints, "endpoint", []string{"https://pve.example.com:8006"}, "URL of the Proxmox API, which a NixMox manifest does not say; may be repeated")
	f.StringVar(&opts.SecretName, "credentials", "pve-credentials", "name of the Secret with the API token")
	f.StringVar(&opts.Host, "host", "default", "name of the NixMoxHost")
	f.StringVar(&opts.Instance, "instance", "nixmox", "name under which the containers are known as ours; it cannot be changed later")
	f.StringVar(&opts.Template, "template", "local:vztmpl/nixos.tar.xz", "template that containers are created from")
	f.StringVar(&opts.Storage, "storage", "local-zfs", "storage of the containers' disks")
	f.StringVar(&opts.Bridge, "bridge", "vmbr0", "bridge that containers are attached to")
	f.StringVarP(&opts.dir, "dir", "d", "", "write a file for each object into this folder, instead of all to standard output")
	f.BoolVar(&opts.strict, "strict", false, "fail if anything of the manifest has no place here")
	return c
}

func (p *program) importManifest(ctx context.Context, file string, opts *importOptions) error {
	data, err := p.manifestJSON(ctx, file)
	if err != nil {
		return err
	}
	if namespace := *p.config.Namespace; namespace != "" {
		opts.Namespace = namespace
	}
	result, err := nixmox.Convert(data, opts.Options)
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	var found problems
	for _, n := range result.Problems {
		found = append(found, problem{Source: file, Message: n.String()})
	}
	for _, n := range result.Notes {
		if opts.strict && !n.Hint {
			found = append(found, problem{Source: file, Message: n.String()})
		} else {
			p.warn("%s: %s", file, n)
		}
	}
	if len(found) > 0 {
		return found
	}
	return p.printObjects(opts.dir, result.Objects)
}

// printObjects writes one file an object into a folder, or all to standard output.
func (p *program) printObjects(dir string, objects []nixmox.Object) error {
	if dir != "" {
		return p.writeObjects(dir, objects)
	}
	for i, o := range objects {
		if i > 0 {
			fmt.Fprintln(p.Out, "---")
		}
		text, err := manifestText(o)
		if err != nil {
			return err
		}
		fmt.Fprint(p.Out, text)
	}
	return nil
}

// writeObjects writes one file an object, and none over one that is there: then nothing is written at all.
func (p *program) writeObjects(dir string, objects []nixmox.Object) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("make the folder: %w", err)
	}
	paths, texts := make([]string, len(objects)), make([]string, len(objects))
	for i, o := range objects {
		name := o.Name + ".yaml"
		if o.Kind == "NixMoxHost" {
			name = "host-" + name
		}
		paths[i] = filepath.Join(dir, name)
		if _, err := os.Lstat(paths[i]); err == nil {
			return alreadyThere(paths[i])
		}
		var err error
		if texts[i], err = manifestText(o); err != nil {
			return err
		}
	}
	for i, path := range paths {
		if err := writeNew(path, texts[i], 0o644); err != nil {
			return err
		}
		fmt.Fprintln(p.Out, path)
	}
	return nil
}

func alreadyThere(path string) error {
	return fmt.Errorf("%s is there already, and nothing is overwritten: choose another folder, or remove it", path)
}

// writeNew writes a file that must not be there: what somebody edited is not overwritten.
func writeNew(path, text string, mode os.FileMode) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if errors.Is(err, os.ErrExist) {
		return alreadyThere(path)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	if _, err = f.WriteString(text); err == nil {
		err = f.Close()
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}

// manifestText is the object as YAML, what was not taken over above it.
func manifestText(o nixmox.Object) (string, error) {
	content, err := yaml.Marshal(o.Content)
	if err != nil {
		return "", fmt.Errorf("write %s %s: %w", o.Kind, o.Name, err)
	}
	var b strings.Builder
	for _, n := range o.Notes {
		b.WriteString("# " + oneLine(n.String()) + "\n")
	}
	b.Write(content)
	return b.String(), nil
}

// manifestJSON is the manifest as JSON: the file's content, or what Nix makes of it.
func (p *program) manifestJSON(ctx context.Context, file string) ([]byte, error) {
	switch {
	case file == "-":
		data, err := io.ReadAll(p.In)
		if err != nil {
			return nil, fmt.Errorf("read standard input: %w", err)
		}
		return data, nil
	case filepath.Ext(file) == ".nix":
		return evaluateNix(ctx, file)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read the manifest: %w", err)
	}
	return data, nil
}

// evaluateNix has Nix evaluate the manifest. The store is not touched: nothing is built or copied.
func evaluateNix(ctx context.Context, file string) ([]byte, error) {
	nix, err := exec.LookPath("nix-instantiate")
	if err != nil {
		return nil, fmt.Errorf("%s is Nix, and nix-instantiate is not on the PATH: run `nix-instantiate --eval --json --strict %s > manifest.json` where Nix is, and import that", file, file)
	}
	path, err := filepath.Abs(file)
	if err != nil {
		return nil, fmt.Errorf("find %s: %w", file, err)
	}
	if _, err := os.Stat(path); err != nil {
		return nil, fmt.Errorf("read the manifest: %w", err)
	}
	folder, err := os.MkdirTemp("", "nixmox-import-")
	if err != nil {
		return nil, fmt.Errorf("make a folder for the evaluation: %w", err)
	}
	defer os.RemoveAll(folder)
	wrapper := filepath.Join(folder, "import.nix")
	if err := os.WriteFile(wrapper, []byte(evaluate), 0o600); err != nil {
		return nil, fmt.Errorf("write the evaluation: %w", err)
	}
	cmd := exec.CommandContext(ctx, nix, "--eval", "--json", "--strict", "--store", "dummy://", wrapper, "--argstr", "file", path)
	cmd.Env = append(os.Environ(), "NIX_STATE_DIR="+folder, "NIX_LOG_DIR="+folder)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("nix-instantiate cannot evaluate %s: %s", file, strings.TrimSpace(errs.String()))
	}
	return out.Bytes(), nil
}
