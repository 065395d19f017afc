package androidx.test.internal.runner.lifecycle;

import android.app.Activity;
import androidx.test.runner.lifecycle.ActivityLifecycleCallback;
import androidx.test.runner.lifecycle.ActivityLifecycleMonitor;
import androidx.test.runner.lifecycle.Stage;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.WeakHashMap;
import java.util.concurrent.CopyOnWriteArrayList;

public final class ActivityLifecycleMonitorImpl implements ActivityLifecycleMonitor {
  private final List<ActivityLifecycleCallback> callbacks = new CopyOnWriteArrayList<>();
  private final Map<Activity, Stage> stages = Collections.synchronizedMap(new WeakHashMap<Activity, Stage>());
  @Override public void addLifecycleCallback(ActivityLifecycleCallback c) { callbacks.add(c); }
  @Override public void removeLifecycleCallback(ActivityLifecycleCallback c) { callbacks.remove(c); }
  @Override public Stage getLifecycleStageOf(Activity a) { Stage s = stages.get(a); return s == null ? Stage.DESTROYED : s; }
  @Override public Collection<Activity> getActivitiesInStage(Stage s) {
    List<Activity> out = new ArrayList<>();
    synchronized (stages) { for (Map.Entry<Activity, Stage> e : stages.entrySet()) if (e.getValue() == s) out.add(e.getKey()); }
    return out;
  }
  public void signalLifecycleChange(Stage s, Activity a) {
    stages.put(a, s);
    for (ActivityLifecycleCallback c : callbacks) c.onActivityLifecycleChanged(a, s);
  }
}
