package cn.xunge.app

import android.content.Context
import android.graphics.Color
import android.text.TextUtils
import android.view.View
import android.view.ViewGroup.LayoutParams.MATCH_PARENT
import android.view.ViewGroup.LayoutParams.WRAP_CONTENT
import android.widget.FrameLayout
import android.widget.LinearLayout
import android.widget.TextView
import cn.xunge.app.kit.Label
import org.junit.Assert.assertEquals
import org.junit.Assert.assertTrue
import org.junit.Test
import org.junit.runner.RunWith

/** The audit finds each fault that it is there for, and nothing on a view that is right. */
@RunWith(XungeRunner::class)
class AuditTest {
    private fun faults(build: (Context) -> View): List<String> {
        val controller = Gallery.stage(Variant.LIGHT) { context ->
            LinearLayout(context).apply {
                setBackgroundColor(Color.WHITE)
                addView(build(context), LinearLayout.LayoutParams(WRAP_CONTENT, WRAP_CONTENT))
            }
        }
        return Audit.faults(controller.get().window.decorView).also { controller.close() }
    }

    private fun one(part: String, build: (Context) -> View) {
        val found = faults(build)
        assertTrue("$part: $found", found.size == 1 && found[0].contains(part))
    }

    @Test
    fun `a good text has no fault`() = assertEquals(emptyList<String>(), faults { Label(it).apply { text = "已收到" } })

    @Test
    fun `a target under 48 dp is found`() = one("dp to touch") { context ->
        TextView(context).apply { text = "改"; setTextColor(Color.BLACK); minWidth = 200; height = 60; setPadding(0, 0, 0, 0); textSize = 9f; setOnClickListener {} }
    }

    @Test
    fun `a target without a name is found`() = one("no name") { context ->
        FrameLayout(context).apply { minimumWidth = 200; minimumHeight = 200; setOnClickListener {} }
    }

    @Test
    fun `a shortened text is found`() = one("shortened") { context ->
        Label(context).apply { text = "擅自饲养家禽家畜"; maxLines = 1; ellipsize = TextUtils.TruncateAt.END; maxWidth = 120 }
    }

    @Test
    fun `a text that is higher than its place is found`() = one("higher than its place") { context ->
        Label(context).apply { text = "擅自饲养家禽家畜"; maxWidth = 120; maxHeight = 60 }
    }

    @Test
    fun `a text that reaches out of its parent is found`() = one("reaches out") { context ->
        FrameLayout(context).apply {
            minimumWidth = 300
            minimumHeight = 100
            addView(Label(context).apply { text = "任务"; translationY = 90f }, FrameLayout.LayoutParams(MATCH_PARENT, WRAP_CONTENT))
        }
    }

    @Test
    fun `a text that hardly stands out is found`() = one("contrast of") { context ->
        Label(context).apply { text = "已收到"; setTextColor(Color.GRAY) }
    }
}
