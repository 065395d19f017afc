//! The codes that only a handset raises: its own failures, bad input, and why nothing is sent now.

use super::registry::error_codes;

error_codes! {
    /// The code of a failure or refusal that the handset detects itself.
    HandsetCode {
        // The handset's storage
        StoreFailed = "store.failed", Device, "本机数据库出错，请重启应用", "the handset's database failed, start the app again";
        StoreFull = "store.full", Device, "本机存储空间不足，请清理后重试；已保存的内容不受影响", "no space left on the handset";
        StoreReadOnly = "store.read_only", Device, "本机数据目录不能写入，请检查权限；已保存的内容不受影响", "the folder of this handset's data cannot be written";
        StoreBusy = "store.busy", Device, "另一个程序正在使用本机数据，请稍候", "another process is using the store";
        StoreOutcomeUnknown = "store.outcome_unknown", Device, "存储出错，内容可能已保存，请重启后在队列中查看", "the disk failed while saving; whether the change was kept is not known yet";
        StoreNewer = "store.newer", Version, "本机数据由更新的版本写入，请升级应用", "a newer version of the app wrote this handset's data, update the app";
        StoreMovedAside = "store.moved_aside", Device, "本机数据库无法读取，原文件已保留，请联系管理员", "the database could not be read; the file was kept, tell the administrator";
        DiskFailed = "disk.failed", Device, "文件读写出错", "a file could not be read or written";
        KeysFailed = "vault.failed", Device, "密钥无法读取，请联系管理员", "the keys cannot be read, tell the administrator";
        DataMalformed = "data.malformed", Device, "数据格式不正确", "malformed data";
        SalvageRunning = "salvage.running", Device, "另一个程序正在抢救损坏的数据库，请稍后再试", "another process is salvaging the damaged database, try again soon";
        SalvageDone = "salvage.done", Settled, "损坏的数据库刚刚已由另一个程序交接", "another process has just handed the damaged database over";
        SalvageNobody = "salvage.nobody", Device, "损坏的数据库不能说明属于谁，原文件已保留，请联系管理员", "the damaged database does not say whose it was; it is kept, tell the administrator";
        // Enrolment
        NotEnrolled = "enrol.none", Input, "本终端尚未登记，请先用登记码登记", "this terminal is not enrolled yet, enrol it with its string first";
        AlreadyEnrolled = "enrol.already", Input, "本终端已登记", "this terminal is enrolled already";
        EnrolCertificate = "enrol.certificate", Refused, "服务器的登记凭证不符，未登记，请联系管理员", "the certificate does not hold; nothing was enrolled";
        HandedOver = "terminal.handed_over", StreamEnded, "本终端已停用，内容已封存交接给中心，本机数据已清除", "this terminal has ended, its content was handed over sealed, its data was removed";
        TerminalClosed = "terminal.closed", Settled, "已关闭，请重新打开", "this handset was closed, open it again";
        UserUnknown = "user.unknown", Input, "没有这个用户（或有重名），请用 users 查看序号", "no such user, or several of that name; see `users` for the numbers";
        // The network
        Unreachable = "network.unreachable", Network, "连不上服务器，将自动重试", "the server cannot be reached; it will be tried again";
        Timeout = "network.timeout", Network, "服务器没有及时回应，将自动重试", "the server did not answer in time; it will be tried again";
        Cut = "network.cut", Network, "网络中断，将自动重试", "the connection broke; it will be tried again";
        Pin = "network.pin", Network, "对方不是登记的服务器（可能需要网页登录的无线网），未发送任何内容", "the peer is not the enrolled server; nothing was sent";
        Address = "network.address", Network, "服务器地址无法使用，请联系管理员", "the server's address cannot be used, tell the administrator";
        Offline = "network.offline", Network, "没有网络，内容保存在本机，联网后自动发送", "there is no network; everything is kept here and sent when there is one";
        AnswerForeign = "answer.foreign", Network, "收到的不是服务器的回答（可能需要网页登录的无线网），将自动重试", "the answer is not our server's; it will be tried again";
        Cancelled = "call.cancelled", Settled, "已取消", "cancelled";
        // Sync
        SyncRunning = "sync.running", HeldBack, "同步正在进行", "a sync is running already";
        SyncOff = "sync.off", HeldBack, "同步已关闭，没有发送任何内容；内容保存在本机，打开同步后发送", "the sync is switched off and nothing was sent; everything is kept here and sent once it is on";
        Metered = "policy.metered", HeldBack, "当前网络按流量计费，照片和新资料等待不计费网络（Wi-Fi）；文字内容照常发送", "this network is metered: photos and new files wait for another one (Wi-Fi), entries go";
        WifiOnly = "policy.wifi_only", HeldBack, "已设置仅在不计费网络（Wi-Fi）下同步，内容保存在本机，连上 Wi-Fi 后发送", "the sync is set to Wi-Fi only: everything is kept here and sent once there is Wi-Fi";
        Budget = "policy.budget", HeldBack, "本月流量额度已用完，照片等待 Wi-Fi 或下个月；文字内容照常发送", "this month's data budget is used up: photos wait for Wi-Fi or the next month, entries go";
        Battery = "policy.battery", HeldBack, "电量低，照片等待充电；文字内容照常发送", "the battery is low: photos wait until it is charged, entries go";
        ServerRestored = "server.restored", RetryLater, "服务器从备份恢复，缺少此条，将重新发送", "the server was restored from a backup and lacks this; it is sent again";
        ReceiptMissing = "receipt.missing", RetryLater, "服务器的回执与本条内容不符或缺失，将重新发送", "the server gave no receipt for exactly these bytes; it will be sent again";
        ReceiptMismatch = "receipt.mismatch", RetryLater, "服务器的回执与照片不符，将重新上传", "the server's receipt names another photo; it will be sent again";
        PhotoUnconfirmed = "photo.unconfirmed", RetryLater, "照片已传完，服务器尚未确认", "all bytes were sent, the server has not confirmed the photo yet";
        PhotoFileUnreadable = "photo.file_unreadable", RetryLater, "照片文件暂时无法读取，将重试", "the photo's file cannot be read now; it will be tried again";
        PhotoFileMissing = "photo.file_missing", Refused, "本机找不到照片文件", "the photo's file is missing";
        PhotoFileDamaged = "photo.file_damaged", Refused, "本机照片文件已损坏", "the photo's file is damaged";
        ManifestSignature = "manifest.signature", Refused, "资料清单的签名不符，未采用，继续使用原有资料", "the manifest's signature does not fit; it was not taken, the files in force stay";
        FileHashMismatch = "file.hash_mismatch", RetryLater, "资料内容与清单不符，将重新下载，继续使用原有资料", "the file is not the one that the manifest names; it is fetched again, the one in force stays";
        // Items in the queue
        ItemUnknown = "item.unknown", Input, "没有这个条目", "no such item";
        ItemAmbiguous = "item.ambiguous", Input, "编号不唯一，请多写几位", "several items fit, give more digits";
        ItemNotCancellable = "item.not_cancellable", Input, "撤回不能再撤回", "a withdrawal cannot be taken back";
        ItemMendedAlready = "item.mended_already", Input, "这一条已修改并重新提交，请在队列中查看", "this has been mended and filed again already, see the queue";
        ReportNotReturned = "report.not_returned", Input, "这一条没有被退回，不用修改；要更正请先撤回", "this was not returned; withdraw it to change it";
        /// The entry was rejected without a reason.
        RejectedUnsaid = "entry.rejected", Refused, "未说明原因", "no reason given";
        // Drafts and reports
        DraftOtherKind = "draft.other_kind", Input, "这份草稿是另一种内容，请用对应的命令继续", "this draft is of another kind, go on with it there";
        DraftSubmitted = "draft.submitted", Input, "这份内容已提交，不能再改；如需更正请撤回后重新上报", "this has been submitted already; withdraw it and file it anew to change it";
        DraftNewer = "draft.newer", Version, "当前版本的应用打不开这份草稿，已原样保留在本机，请更新应用后继续", "this version of the app cannot open the draft; it is kept here as it is, update the app and go on";
        ReportEmpty = "report.empty", Input, "上报还是空的，请至少选择类型、写说明或拍照", "the report is empty: give a type, words or a photo";
        MatterUnknown = "matter.unknown", Input, "没有这个类型，可用 types 查找", "there is no such type, search with `types`";
        MatterAmbiguous = "matter.ambiguous", Input, "对应多个类型，请选一个", "several types fit, choose one";
        // Places
        PlaceAccuracy = "place.accuracy", Input, "请给出 0 到 100000 之间的精度（米）", "give the accuracy, a number of metres from 0 to 100000";
        PlaceDatum = "place.datum", Input, "不认识这个坐标系，请用 wgs84、gcj02 或 bd09", "no datum known here, use wgs84, gcj02 or bd09";
        PlaceMalformed = "place.malformed", Input, "看不懂坐标，请写成 纬度,经度[,精度米]", "cannot read the place, write LAT,LON[,ACCURACY]";
        PlaceOffGlobe = "place.off_globe", Input, "坐标超出范围，请检查", "the place is not on the globe";
        PlaceUnknown = "place.unknown", Input, "本机网格中没有这个街道、社区或单元网格，可用 cells 查找", "the grid on this handset has no such street, community or cell, search with `cells`";
        GridNotAPack = "grid.pack.not_a_pack", Device, "本机的网格文件无法使用，请同步后重试", "the grid on this handset cannot be used, sync again";
        GridVersion = "grid.pack.version", Version, "本机的网格文件无法使用，请同步后重试", "the grid on this handset cannot be used, sync again";
        GridLength = "grid.pack.length", Device, "本机的网格文件无法使用，请同步后重试", "the grid on this handset cannot be used, sync again";
        GridHash = "grid.pack.hash", Device, "本机的网格文件无法使用，请同步后重试", "the grid on this handset cannot be used, sync again";
        GridCorrupt = "grid.pack.corrupt", Device, "本机的网格文件无法使用，请同步后重试", "the grid on this handset cannot be used, sync again";
        // Photos
        PhotoTooMany = "photo.too_many", Input, "照片过多", "too many photos";
        PhotoCount = "photo.count", Input, "照片数量不符或过多", "photos and files differ in number, or there are too many";
        PhotoTooLarge = "photo.too_large", Input, "照片过大，请降低分辨率后重拍", "the photo is too large, lower the resolution";
        PhotoUnsupportedFormat = "photo.unsupported_format", Input, "不支持这种照片格式，请用 JPEG 或 PNG", "this photo format is not taken, use JPEG or PNG";
        PhotoCorrupt = "photo.corrupt", Input, "照片已损坏，请重新拍照", "the photo is damaged, take it again";
        PhotoTooSmall = "photo.too_small", Input, "照片太小，放不下时间和地点水印，请重新拍照", "the photo is too small to carry time and place, take it again";
        PhotoInternal = "photo.internal", Device, "照片处理出错，请重试；仍不行请联系管理员", "the photo could not be processed, try again or tell the administrator";
        PhotoUnreadable = "photo.unreadable", Input, "打不开照片文件，请检查路径", "cannot open the photo, check the path";
        PhotoMissing = "photo.missing", Device, "本机没有这张照片", "this photo is not on this handset";
        PhotoDamaged = "photo.damaged", Device, "本机保存的照片已损坏，请重新拍照或联系管理员", "the photo kept on this handset is damaged, take it again or tell the administrator";
        PhotoDiskFull = "photo.disk_full", Device, "本机存储空间不足，照片未保存；请清理空间后重试，已保存的内容不受影响", "no space left, the photo was not kept; make room and try again, what was saved is safe";
        PhotoFolder = "photo.folder", Device, "照片文件夹读写出错，请联系管理员", "the photo folder cannot be read or written, tell the administrator";
        PhotoNoRandomness = "photo.no_randomness", Device, "系统无法提供随机数，请重启后重试", "the system gives no randomness, start again";
        // Check-ins, tasks, activities
        CheckedInAlready = "checkin.already", Input, "您已签到，不用再签", "you checked in already";
        NotCheckedIn = "checkin.not", Input, "您现在没有签到，无需签退；上班请先签到", "you are not checked in, so there is nothing to end";
        TaskAnswerUnfit = "task.answer_unfit", Input, "这类任务请用另一种回答", "a task of this kind takes another answer";
        TaskAnsweredAlready = "task.answered_already", Input, "这个任务您已反馈过，不用再反馈；要更正请先撤回", "you have answered this task already; withdraw that answer to change it";
        ActivityIncomplete = "activity.incomplete", Input, "活动记录不完整，请补充", "the activity record is incomplete";
        ActivityApproved = "activity.approved", Input, "这条活动记录已通过审核，不能再修改", "this activity record was approved and cannot be changed";
        ActivityUnknown = "activity.unknown", Input, "本机没有这条活动记录，请用 queue --all 查看编号", "there is no such activity record here, see `queue --all`";
        /// A reviewer returned the record; the reviewer wrote the text.
        ActivityReturned = "activity.returned", Refused, "活动记录被退回，请修改后重新提交", "the activity record was returned, mend it and submit it again";
        // Files and the command line
        ParcelFileExists = "parcel.file_exists", Input, "文件已存在，请换一个文件名", "this file exists already, choose another name";
        TimeMalformed = "time.malformed", Input, "看不懂时间，请写成 2026-11-22 09:00", "cannot read the time, write 2026-11-22 09:00";
        SettingValue = "set.value", Input, "设置写法有误；不带参数的 set 列出全部设置", "not a setting and value; `set` alone lists them all";
        CommandHome = "cli.home", Input, "请用 --home 指定本机数据目录（或设置 XUNGE_HOME）", "name the folder of this handset's data with --home (or XUNGE_HOME)";
        CommandUsage = "cli.usage", Input, "命令写法有误；写法见 --help", "the command is not used so; see --help";
    }
}
