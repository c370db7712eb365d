package main

import (
	"context"
	"path/filepath"
	"syscall"
	"time"

	cadvisor "github.com/google/cadvisor/lib/model"
	utilfeature "k8s.io/apiserver/pkg/util/feature"
	"k8s.io/client-go/tools/record"
	"k8s.io/klog/v2"
	"k8s.io/kubernetes/cmd/kubelet/app"
	"k8s.io/kubernetes/cmd/kubelet/app/options"
	"k8s.io/kubernetes/pkg/kubelet"
	kubeletconfig "k8s.io/kubernetes/pkg/kubelet/apis/config"
	cadvisorfake "k8s.io/kubernetes/pkg/kubelet/cadvisor/testing"
	"k8s.io/kubernetes/pkg/kubelet/cm"
	"k8s.io/kubernetes/pkg/util/oom"
	"k8s.io/kubernetes/pkg/volume/util/hostutil"
	"k8s.io/mount-utils"
)

// hollowConfig turns off what concerns the machine and not the volumes:
// cgroups, iptables, ports, eviction, images and logs.
func hollowConfig(c *kubeletconfig.KubeletConfiguration, rootDir string) {
	c.ContainerRuntimeEndpoint = "unix://" + filepath.Join(rootDir, "cri.sock")
	c.ImageServiceEndpoint = ""
	// No cgroup is made, so their version does not matter.
	c.FailCgroupV1 = false
	c.CgroupsPerQOS = false
	c.CgroupRoot = ""
	c.EnforceNodeAllocatable = nil
	// As root the kubelet would write to the iptables of the machine.
	c.MakeIPTablesUtilChains = false
	// Several nodes on one machine would want the same ports.
	c.EnableServer = false
	c.ReadOnlyPort = 0
	c.HealthzPort = 0
	// A disk that is nearly full must not evict pods here.
	c.EvictionHard = map[string]string{"nodefs.available": "0%"}
	c.ImageGCHighThresholdPercent = 100
	c.ImageMaximumGCAge.Duration = 0
	c.ResolverConfig = ""
	c.PodLogsDir = filepath.Join(rootDir, "logs")
	// No container writes a log, and each missing one would be an error.
	c.ContainerLogMonitorInterval.Duration = 24 * time.Hour
	c.VolumePluginDir = filepath.Join(rootDir, "volume-plugins")
	c.MaxOpenFiles = openFiles(c.MaxOpenFiles)
}

// hollowDependencies are those of the kubelet, except for what needs root,
// cgroups or mounts.
func hollowDependencies(ctx context.Context, s *options.KubeletServer, name string) (*kubelet.Dependencies, error) {
	d, err := app.UnsecuredDependencies(ctx, s, utilfeature.DefaultFeatureGate)
	if err != nil {
		return nil, err
	}
	d.CAdvisorInterface = largeMachine{&cadvisorfake.Fake{NodeName: name}}
	d.ContainerManager = cm.NewStubContainerManager()
	d.OOMAdjuster = oom.NewFakeOOMAdjuster()
	d.HostUtil = unsharedHost{hostutil.NewHostUtil()}
	// A Secret's volume is a tmpfs in production. Here the mount is noted
	// down, and the files go to the directory itself.
	d.Mounter = mount.NewFakeMounter(nil)
	// Only with a recorder of this type does the kubelet leave /dev/kmsg
	// closed, which ordinary users may not read. Events go to the log.
	events := record.NewFakeRecorder(100)
	go func() {
		for event := range events.Events {
			klog.InfoS("Event", "event", event)
		}
	}()
	d.Recorder = events
	return d, nil
}

// largeMachine has room for what any pod requests.
type largeMachine struct{ *cadvisorfake.Fake }

func (m largeMachine) MachineInfo(logger klog.Logger) (*cadvisor.MachineInfo, error) {
	info, err := m.Fake.MachineInfo(logger)
	if err == nil {
		info.NumCores = 256
		info.MemoryCapacity = 1 << 40
	}
	return info, err
}

// unsharedHost leaves the root directory as it is: a shared mount needs root
// and serves only containers that mount things themselves.
type unsharedHost struct{ hostutil.HostUtils }

func (unsharedHost) MakeRShared(string) error { return nil }

// openFiles is how many files the kubelet may allow itself without root.
func openFiles(wanted int64) int64 {
	var limit syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit) == nil && limit.Max < uint64(wanted) {
		return int64(limit.Max)
	}
	return wanted
}
