package androidx.test.internal.runner.intent;

import android.content.Intent;
import androidx.test.runner.intent.IntentCallback;
import androidx.test.runner.intent.IntentMonitor;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;

public final class IntentMonitorImpl implements IntentMonitor {
  private final List<IntentCallback> callbacks = new CopyOnWriteArrayList<>();
  @Override public void addIntentCallback(IntentCallback c) { callbacks.add(c); }
  @Override public void removeIntentCallback(IntentCallback c) { callbacks.remove(c); }
  public void signalIntent(Intent i) { for (IntentCallback c : callbacks) c.onIntentSent(new Intent(i)); }
}
