// Not run here, see README.md. The versions follow android/pom.xml.
plugins {
    id("com.android.application") version "8.7.3"
    id("org.jetbrains.kotlin.android") version "2.4.21"
}

val root = rootDir.resolve("../..")

android {
    namespace = "cn.xunge.app"
    compileSdk = 35
    defaultConfig {
        applicationId = "cn.xunge.app"
        minSdk = 26
        targetSdk = 34
        versionCode = 1
        versionName = "0.1.0"
        ndk { abiFilters += listOf("arm64-v8a", "armeabi-v7a") }
    }
    sourceSets["main"].apply {
        manifest.srcFile(root.resolve("android/app/src/main/AndroidManifest.xml"))
        res.srcDirs(root.resolve("android/app/src/main/res"), root.resolve("target/android/res"))
        assets.srcDirs(root.resolve("target/android/assets"))
        kotlin.srcDirs(
            root.resolve("android/app/src/main/kotlin"),
            root.resolve("android/app/src/newer/kotlin"),
            root.resolve("android/core/src/main/kotlin"),
            root.resolve("target/android/gen"),
            root.resolve("target/bindings/kotlin"),
        )
        jniLibs.srcDirs("jniLibs")
    }
    packaging { jniLibs { useLegacyPackaging = false } }
    signingConfigs {
        create("release") {
            storeFile = (findProperty("xunge.keystore") as String?)?.let(::file)
            storePassword = findProperty("xunge.storePassword") as String?
            keyAlias = findProperty("xunge.alias") as String?
            keyPassword = findProperty("xunge.keyPassword") as String?
        }
    }
    buildTypes {
        getByName("release") {
            isMinifyEnabled = true
            signingConfig = signingConfigs.getByName("release")
            proguardFiles(getDefaultProguardFile("proguard-android-optimize.txt"), "keep.pro")
        }
    }
    compileOptions {
        sourceCompatibility = JavaVersion.VERSION_1_8
        targetCompatibility = JavaVersion.VERSION_1_8
    }
}

dependencies {
    implementation("net.java.dev.jna:jna:5.19.1@aar")
    implementation("org.jetbrains.kotlinx:kotlinx-coroutines-android:1.11.0")
}
