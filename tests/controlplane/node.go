package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	utilfeature "k8s.io/apiserver/pkg/util/feature"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	logsapi "k8s.io/component-base/logs/api/v1"
	criapi "k8s.io/cri-api/pkg/apis/runtime/v1"
	cri "k8s.io/cri-client/pkg/fake"
	"k8s.io/kubernetes/cmd/kubelet/app"
	"k8s.io/kubernetes/cmd/kubelet/app/options"
	"k8s.io/kubernetes/pkg/kubelet"
	kubeletconfig "k8s.io/kubernetes/pkg/kubelet/apis/config"
)

// maxRootDir keeps the unix sockets that the kubelet opens below its root
// directory within the 107 bytes of a socket's address. The longest of them is
// pod-resources/ and a random name of ten digits.
const maxRootDir = 107 - len("/pod-resources/") - 10

type nodeOptions struct {
	kubeconfig, name, rootDir, changeDetection, logFile string
	syncFrequency                                       time.Duration
	maxPods                                             int32
	watchStdin                                          bool
}

// nodeReadyLine is printed as JSON once the API server has the Node as ready.
type nodeReadyLine struct {
	Node            string `json:"node"`
	PodsDir         string `json:"podsDir"`
	PID             int    `json:"pid"`
	SyncFrequency   string `json:"syncFrequency"`
	ChangeDetection string `json:"changeDetection"`
}

// node runs a hollow node: the kubelet, with all that decides when and how a
// volume is written (watches, pod workers, volume manager, volume plugins,
// atomic writer), on a container runtime that only pretends. A pod bound to it
// by spec.nodeName becomes Running, no process runs in it, and what a
// container would see of a Secret is the directory
//
//	ROOT/pods/POD-UID/volumes/kubernetes.io~secret/VOLUME
//
// It needs neither root nor cgroups nor mounts and opens no port. All that
// differs from a kubelet in production is in hollow.go. It returns when a
// signal, or the end of standard input, asks it to stop.
func node(o nodeOptions) error {
	started := time.Now()
	if o.logFile != "" {
		if err := redirectLog(o.logFile); err != nil {
			return err
		}
	}
	rootDir, err := filepath.Abs(o.rootDir)
	if err != nil {
		return err
	}
	if len(rootDir) > maxRootDir {
		return fmt.Errorf("--root-dir %s: choose a path of at most %d characters, for the sockets in it", rootDir, maxRootDir)
	}
	if err := lockDir(rootDir); err != nil {
		return err
	}
	ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
	defer cancel()
	if o.watchStdin {
		go func() {
			io.Copy(io.Discard, os.Stdin)
			cancel()
		}()
	}

	server, err := kubeletServer(o, rootDir)
	if err != nil {
		return err
	}
	gates := utilfeature.DefaultMutableFeatureGate
	if err := gates.SetFromMap(server.FeatureGates); err != nil {
		return err
	}
	if err := logsapi.ValidateAndApply(&server.Logging, gates); err != nil {
		return err
	}
	stopRuntime, err := startFakeRuntime(server.ContainerRuntimeEndpoint, rootDir)
	if err != nil {
		return fmt.Errorf("container runtime: %w", err)
	}
	defer stopRuntime()
	dependencies, err := hollowDependencies(ctx, server, o.name)
	if err != nil {
		return err
	}
	done := make(chan error, 1)
	go func() { done <- app.Run(ctx, server, dependencies, gates) }()
	ready := make(chan error, 1)
	go func() { ready <- nodeReady(ctx, o.kubeconfig, o.name, started) }()

	for {
		select {
		case err := <-ready:
			if ctx.Err() != nil {
				continue
			}
			if err != nil {
				return err
			}
			line, err := json.Marshal(nodeReadyLine{
				Node: o.name, PodsDir: filepath.Join(rootDir, "pods"), PID: os.Getpid(),
				SyncFrequency:   server.SyncFrequency.Duration.String(),
				ChangeDetection: string(server.ConfigMapAndSecretChangeDetectionStrategy),
			})
			if err != nil {
				return err
			}
			fmt.Println(string(line))
		case err := <-done:
			// Nil when it was asked to stop.
			return err
		}
	}
}

// kubeletServer is the kubelet's own configuration, with what the options and
// a hollow node change.
func kubeletServer(o nodeOptions, rootDir string) (*options.KubeletServer, error) {
	config, err := options.NewKubeletConfiguration()
	if err != nil {
		return nil, err
	}
	if o.syncFrequency != 0 {
		config.SyncFrequency.Duration = o.syncFrequency
	}
	if o.changeDetection != "" {
		config.ConfigMapAndSecretChangeDetectionStrategy = kubeletconfig.ResourceChangeDetectionStrategy(o.changeDetection)
	}
	if o.maxPods != 0 {
		config.MaxPods = o.maxPods
	}
	hollowConfig(config, rootDir)
	server := &options.KubeletServer{KubeletFlags: *options.NewKubeletFlags(), KubeletConfiguration: *config}
	server.KubeConfig = o.kubeconfig
	server.HostnameOverride = o.name
	server.RootDirectory = rootDir
	server.CertDirectory = filepath.Join(rootDir, "pki")
	// A variable of its package, and outside the root directory by default.
	kubelet.ContainerLogsDir = filepath.Join(rootDir, "containers")
	return server, nil
}

func startFakeRuntime(endpoint, rootDir string) (stop func(), err error) {
	runtime := cri.NewFakeRemoteRuntime()
	// Without a size and a file system the kubelet complains all the time.
	runtime.ImageService.SetFakeImageSize(1)
	runtime.ImageService.SetFakeFilesystemUsage([]*criapi.FilesystemUsage{{
		FsId:       &criapi.FilesystemIdentifier{Mountpoint: rootDir},
		UsedBytes:  &criapi.UInt64Value{},
		InodesUsed: &criapi.UInt64Value{},
	}})
	return runtime.Stop, runtime.Start(endpoint)
}

// nodeReady returns once the Node is ready by what was reported since
// `started`: after a restart the API server still has the word of the process
// before.
func nodeReady(ctx context.Context, kubeconfig, name string, started time.Time) error {
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	cfg, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return err
	}
	client, err := kubernetes.NewForConfig(cfg)
	if err != nil {
		return err
	}
	return poll(ctx, "the Node", func() error {
		node, err := client.CoreV1().Nodes().Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return err
		}
		for _, c := range node.Status.Conditions {
			switch {
			case c.Type != v1.NodeReady:
			// The API keeps whole seconds.
			case c.LastHeartbeatTime.Add(time.Second).Before(started):
				return errors.New("no report yet")
			case c.Status == v1.ConditionTrue:
				return nil
			default:
				return errors.New(c.Message)
			}
		}
		return errors.New("no condition Ready")
	})
}
