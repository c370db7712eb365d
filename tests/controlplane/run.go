package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/component-base/version"
)

const (
	readyTimeout = 2 * time.Minute
	// stopTimeout is how long open requests and watches may delay the exit.
	stopTimeout = 5 * time.Second
)

type runOptions struct {
	dataDir, kubeconfig, logFile string
	port                         int
	watchStdin                   bool
	apiserverArgs                []string
}

// readyLine is printed as JSON once clients can connect.
type readyLine struct {
	URL         string `json:"url"`
	CAFile      string `json:"caFile"`
	Kubeconfig  string `json:"kubeconfig"`
	Token       string `json:"token"`
	PID         int    `json:"pid"`
	Version     string `json:"version"`
	DataDir     string `json:"dataDir"`
	Controllers bool   `json:"controllers"`
}

// run starts the control plane and returns when a signal, or the end of
// standard input, asks it to stop.
func run(o runOptions) error {
	if o.logFile != "" {
		if err := redirectLog(o.logFile); err != nil {
			return err
		}
	}
	absolute, err := filepath.Abs(o.dataDir)
	if err != nil {
		return err
	}
	dir := dataDir(absolute)
	if err := dir.open(); err != nil {
		return err
	}
	if o.kubeconfig == "" {
		o.kubeconfig = dir.adminKubeconfig()
	}

	ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
	defer cancel()
	if o.watchStdin {
		go func() {
			io.Copy(io.Discard, os.Stdin)
			cancel()
		}()
	}

	// Listening first, and handing the listener over, leaves no moment in
	// which another process could take the port.
	listener, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(o.port)))
	if err != nil {
		return err
	}
	url := "https://" + listener.Addr().String()
	p, err := loadPKI(dir.pki())
	if err != nil {
		return err
	}
	if err := writeFile(dir.url(), []byte(url)); err != nil {
		return err
	}
	if err := p.writeKubeconfig(o.kubeconfig, url, "admin", []string{"system:masters"}); err != nil {
		return err
	}
	admin, err := clientcmd.BuildConfigFromFlags("", o.kubeconfig)
	if err != nil {
		return err
	}

	// Stopped in the reverse order of their start, so that none misses what
	// it needs to end cleanly.
	etcd, err := startEtcd(dir.etcd())
	if err != nil {
		return fmt.Errorf("etcd: %w", err)
	}
	defer etcd.stop()
	serverCtx, stopServer := context.WithCancel(context.Background())
	defer stopServer()
	serverDone := make(chan error, 1)
	go func() { serverDone <- runAPIServer(serverCtx, p, etcd.endpoint, listener, o.apiserverArgs) }()
	controllersCtx, stopControllers := context.WithCancel(context.Background())
	defer stopControllers()
	ready := make(chan error, 1)
	go func() { ready <- bringUp(ctx, controllersCtx, admin) }()

	compact := make(chan os.Signal, 1)
	signal.Notify(compact, syscall.SIGUSR1)

	for {
		select {
		case err := <-ready:
			if ctx.Err() != nil {
				continue
			}
			if err != nil {
				return err
			}
			line, err := json.Marshal(readyLine{
				URL: url, CAFile: p.file("ca.crt"), Kubeconfig: o.kubeconfig, Token: p.adminToken,
				PID: os.Getpid(), Version: version.Get().GitVersion, DataDir: absolute, Controllers: true,
			})
			if err != nil {
				return err
			}
			fmt.Println(string(line))
		case err := <-serverDone:
			return fmt.Errorf("kube-apiserver stopped: %v", err)
		case <-compact:
			revision, err := etcd.compact()
			fmt.Fprintf(os.Stderr, "controlplane: compacted etcd at revision %d (error: %v)\n", revision, err)
		case <-ctx.Done():
			stopControllers()
			stopServer()
			select {
			case <-serverDone:
			case <-time.After(stopTimeout):
				fmt.Fprintln(os.Stderr, "controlplane: kube-apiserver still busy, leaving it")
			}
			return nil
		}
	}
}

// redirectLog makes a file, opened for appending, the standard error of this
// process: etcd and Kubernetes each log there in their own way.
func redirectLog(path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	return syscall.Dup3(int(f.Fd()), int(os.Stderr.Fd()), 0)
}
