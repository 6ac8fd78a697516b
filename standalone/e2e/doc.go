// Package e2e tests the nixmox binary from outside: as a process, over its
// kubeconfig and through signals. There is nothing in it but tests; what a part
// does by itself is tested beside that part.
package e2e
