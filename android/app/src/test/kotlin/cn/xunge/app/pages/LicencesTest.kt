package cn.xunge.app.pages

import cn.xunge.app.XungeRunner
import org.junit.Assert.assertEquals
import org.junit.Assert.assertTrue
import org.junit.Test
import org.junit.runner.RunWith
import org.robolectric.RuntimeEnvironment

@RunWith(XungeRunner::class)
class LicencesTest {
    @Test
    fun `the app carries the licences of its crates and libraries`() {
        val text = checkNotNull(licences(RuntimeEnvironment.getApplication())) { "no licences.txt: cargo xtask android res" }
        for (part in listOf("com.google.zxing:core", "uniffi", "Apache License", "Mozilla Public License Version 2.0")) assertTrue(part, part in text)
    }

    @Test
    fun `lines that were broken at their end flow, and lists keep their lines`() {
        val text = "Permission is hereby granted, free of charge, to any person obtaining a\ncopy of this software.\n\n====\n\n  org.example.of.a.long.name:with-a-long-part-after-it 1.0: MIT\n  two 2.0: MIT\n"
        assertEquals(
            listOf("Permission is hereby granted, free of charge, to any person obtaining a copy of this software.", "org.example.of.a.long.name:with-a-long-part-after-it 1.0: MIT\ntwo 2.0: MIT"),
            paragraphs(text),
        )
    }
}
