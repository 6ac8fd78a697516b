package demo

import "strings"

// whatToTry is said once all is ready. %[1]s kubeconfig, %[2]s endpoint of the simulated Proxmox, %[3]s namespace, %[4]s its control
// endpoint.
const whatToTry = `
All is ready, and stays so until Ctrl-C. The state is kept for the next start; --fresh begins anew.

In another terminal:
  export KUBECONFIG=%[1]s
  The simulated Proxmox is %[2]s.

Three things to try, with nixmox kubectl or a kubectl of yours:
1. Give a service more memory: it is changed in place, without a restart.
     bin/nixmox kubectl -n %[3]s patch nms caddy --type merge -p '{"spec":{"resources":{"memory":"2Gi"}}}'
     bin/nixmox kubectl -n %[3]s get nms caddy -o jsonpath='{.status.observed.memoryMiB}{"\n"}'
2. Stop a container behind the controller's back: it is noticed within 20 s and started again.
     bin/pvesim ctl --control %[4]s stop "$(bin/nixmox kubectl -n %[3]s get nms monitoring -o jsonpath='{.status.vmid}')"
     bin/nixmox kubectl -n %[3]s get nms monitoring --watch
3. Delete a service and apply it again: its container is shut down and kept, and taken back.
     bin/nixmox kubectl -n %[3]s delete nms mail
     bin/nixmox kubectl -n %[3]s apply -f config/samples/stack/mail.yaml
     bin/nixmox kubectl -n %[3]s get nms mail --watch
`

func trimScheme(url string) string { return strings.TrimPrefix(url, "http://") }
