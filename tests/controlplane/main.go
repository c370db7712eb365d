// Command controlplane runs a real Kubernetes control plane for tests in one
// process: etcd, kube-apiserver and those controllers of
// kube-controller-manager that an operator can notice. In a process of its own
// it runs a node too: the kubelet, without containers.
//
//	controlplane run  [flags]   start it; prints one JSON line when ready
//	controlplane user [flags]   sign a client certificate for a user, as a kubeconfig
//	controlplane node [flags]   start a hollow node; prints one JSON line when ready
//	controlplane version
package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/pflag"
	"k8s.io/component-base/version"
)

func main() {
	command := ""
	if len(os.Args) > 1 {
		command = os.Args[1]
	}
	var err error
	switch command {
	case "run":
		err = runCommand(os.Args[2:])
	case "user":
		err = userCommand(os.Args[2:])
	case "node":
		err = nodeCommand(os.Args[2:])
	case "version":
		fmt.Println(version.Get().GitVersion)
	default:
		fmt.Fprintln(os.Stderr, "usage: controlplane run|user|node|version [flags]  (-h lists the flags)")
		os.Exit(2)
	}
	if err != nil && !errors.Is(err, pflag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "controlplane:", err)
		os.Exit(1)
	}
}

func runCommand(args []string) error {
	var o runOptions
	fs := pflag.NewFlagSet("run", pflag.ContinueOnError)
	fs.StringVar(&o.dataDir, "data-dir", "", "keep certificates and etcd's data here (required)")
	fs.StringVar(&o.kubeconfig, "kubeconfig", "", "write the cluster-admin kubeconfig here (default: admin.kubeconfig in the data directory)")
	fs.IntVar(&o.port, "port", 0, "port of kube-apiserver on 127.0.0.1 (0: a free one)")
	fs.BoolVar(&o.watchStdin, "watch-stdin", false, "stop when standard input ends")
	fs.StringVar(&o.logFile, "log-file", "", "append the log here (default: standard error)")
	fs.StringArrayVar(&o.apiserverArgs, "apiserver-arg", nil, "flag of kube-apiserver, as --name=value (repeatable)")
	if err := parse(fs, args, "data-dir"); err != nil {
		return err
	}
	return run(o)
}

func userCommand(args []string) error {
	var dir, name, kubeconfig string
	var groups []string
	fs := pflag.NewFlagSet("user", pflag.ContinueOnError)
	fs.StringVar(&dir, "data-dir", "", "data directory of the control plane (required)")
	fs.StringVar(&name, "name", "", "name of the user (required)")
	fs.StringArrayVar(&groups, "group", nil, "a group of the user (repeatable)")
	fs.StringVar(&kubeconfig, "kubeconfig", "", "write the kubeconfig here (required)")
	if err := parse(fs, args, "data-dir", "name", "kubeconfig"); err != nil {
		return err
	}
	return writeUser(dataDir(dir), name, groups, kubeconfig)
}

func nodeCommand(args []string) error {
	var o nodeOptions
	fs := pflag.NewFlagSet("node", pflag.ContinueOnError)
	fs.StringVar(&o.kubeconfig, "kubeconfig", "", "credential of the user system:node:NAME, group system:nodes (required)")
	fs.StringVar(&o.name, "name", "", "name of the Node (required)")
	fs.StringVar(&o.rootDir, "root-dir", "", fmt.Sprintf("keep volumes here, a path of at most %d characters (required)", maxRootDir))
	fs.DurationVar(&o.syncFrequency, "sync-frequency", 0, "the kubelet's syncFrequency (default: its own, 1m)")
	fs.StringVar(&o.changeDetection, "change-detection", "", "Watch, Cache or Get (default: the kubelet's own, Watch)")
	fs.Int32Var(&o.maxPods, "max-pods", 0, "the kubelet's maxPods (default: its own, 110)")
	fs.BoolVar(&o.watchStdin, "watch-stdin", false, "stop when standard input ends")
	fs.StringVar(&o.logFile, "log-file", "", "append the log here (default: standard error)")
	if err := parse(fs, args, "kubeconfig", "name", "root-dir"); err != nil {
		return err
	}
	return node(o)
}

// parse reads the flags; those named required must not be empty.
func parse(fs *pflag.FlagSet, args []string, required ...string) error {
	if err := fs.Parse(args); err != nil {
		return err
	}
	if fs.NArg() > 0 {
		return fmt.Errorf("unexpected arguments %q", fs.Args())
	}
	for _, name := range required {
		if fs.Lookup(name).Value.String() == "" {
			return fmt.Errorf("--%s is required", name)
		}
	}
	return nil
}
