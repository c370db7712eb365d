// Command node is what one real node needs beside a control plane, a container
// runtime and a network plugin: the kubelet of Kubernetes, and those
// controllers of kube-controller-manager that turn Deployments and Jobs into
// pods.
//
//	node kubelet [the kubelet's own flags]
//	node workloads --kubeconfig ADMIN
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/pflag"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/kubernetes/cmd/kubelet/app"
)

func main() {
	command := ""
	if len(os.Args) > 1 {
		command = os.Args[1]
	}
	var err error
	switch command {
	case "kubelet":
		kubelet := app.NewKubeletCommand(context.Background())
		kubelet.SetArgs(os.Args[2:])
		err = kubelet.Execute()
	case "workloads":
		err = workloadsCommand(os.Args[2:])
	default:
		fmt.Fprintln(os.Stderr, "usage: node kubelet|workloads [flags]  (-h lists the flags)")
		os.Exit(2)
	}
	if err != nil && !errors.Is(err, pflag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "node:", err)
		os.Exit(1)
	}
}

func workloadsCommand(args []string) error {
	var kubeconfig string
	fs := pflag.NewFlagSet("workloads", pflag.ContinueOnError)
	fs.StringVar(&kubeconfig, "kubeconfig", "", "cluster-admin of the control plane (required)")
	if err := fs.Parse(args); err != nil {
		return err
	}
	if kubeconfig == "" || fs.NArg() > 0 {
		return errors.New("--kubeconfig is required, arguments are not accepted")
	}
	admin, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return err
	}
	ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer cancel()
	if err := runWorkloads(ctx, admin); err != nil {
		return err
	}
	<-ctx.Done()
	return nil
}
