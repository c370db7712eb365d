package main

import (
	"context"
	"time"

	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
	"k8s.io/klog/v2"
	"k8s.io/kubernetes/pkg/controller/deployment"
	"k8s.io/kubernetes/pkg/controller/job"
	"k8s.io/kubernetes/pkg/controller/replicaset"
)

const (
	resync  = 12 * time.Hour
	workers = 5
)

// runWorkloads starts the controllers of Deployments, ReplicaSets and Jobs,
// and binds each pod to the one node there is, until ctx ends.
func runWorkloads(ctx context.Context, admin *rest.Config) error {
	reader, err := client(admin, "")
	if err != nil {
		return err
	}
	shared := informers.NewSharedInformerFactory(reader, resync)
	pods, replicaSets := shared.Core().V1().Pods(), shared.Apps().V1().ReplicaSets()

	deploymentClient, err := client(admin, "deployment-controller")
	if err != nil {
		return err
	}
	deployments, err := deployment.NewDeploymentController(ctx, shared.Apps().V1().Deployments(), replicaSets, pods, deploymentClient)
	if err != nil {
		return err
	}
	replicaSetClient, err := client(admin, "replicaset-controller")
	if err != nil {
		return err
	}
	jobClient, err := client(admin, "job-controller")
	if err != nil {
		return err
	}
	// Without their gate, Jobs need no Workloads and no PodGroups.
	jobs, err := job.NewController(ctx, jobClient, pods, shared.Batch().V1().Jobs(), nil, nil)
	if err != nil {
		return err
	}
	if err := bindPods(ctx, reader, shared); err != nil {
		return err
	}

	go deployments.Run(ctx, workers)
	go replicaset.NewReplicaSetController(ctx, replicaSets, pods, replicaSetClient, replicaset.BurstReplicas).Run(ctx, workers)
	go jobs.Run(ctx, workers)
	shared.Start(ctx.Done())
	return nil
}

// client has the rights that a controller has in kube-controller-manager, or
// the admin's where it has no name.
func client(admin *rest.Config, controller string) (*kubernetes.Clientset, error) {
	cfg := rest.CopyConfig(admin)
	cfg.QPS = -1
	if controller != "" {
		cfg.Impersonate = rest.ImpersonationConfig{
			UserName: "system:serviceaccount:kube-system:" + controller,
			Groups:   []string{"system:serviceaccounts", "system:serviceaccounts:kube-system", "system:authenticated"},
		}
	}
	return kubernetes.NewForConfig(cfg)
}

// bindPods takes the place of a scheduler where there is one node: whatever is
// not bound goes there. Resources, taints and affinities are not looked at; the
// kubelet still refuses what does not fit.
func bindPods(ctx context.Context, client kubernetes.Interface, shared informers.SharedInformerFactory) error {
	nodes := shared.Core().V1().Nodes()
	bind := func(pod *v1.Pod) {
		if pod.Spec.NodeName != "" || pod.DeletionTimestamp != nil {
			return
		}
		for _, object := range nodes.Informer().GetStore().List() {
			binding := &v1.Binding{
				ObjectMeta: metav1.ObjectMeta{Name: pod.Name, Namespace: pod.Namespace, UID: pod.UID},
				Target:     v1.ObjectReference{Kind: "Node", Name: object.(*v1.Node).Name},
			}
			if err := client.CoreV1().Pods(pod.Namespace).Bind(ctx, binding, metav1.CreateOptions{}); err != nil {
				klog.ErrorS(err, "Not bound", "pod", klog.KObj(pod))
			}
			return
		}
	}
	podsInformer := shared.Core().V1().Pods().Informer()
	if _, err := podsInformer.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    func(object any) { bind(object.(*v1.Pod)) },
		UpdateFunc: func(_, object any) { bind(object.(*v1.Pod)) },
	}); err != nil {
		return err
	}
	// Pods that came before the node.
	_, err := nodes.Informer().AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc: func(any) {
			for _, object := range podsInformer.GetStore().List() {
				bind(object.(*v1.Pod))
			}
		},
	})
	return err
}
