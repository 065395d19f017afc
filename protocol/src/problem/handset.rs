//! The codes that only a handset raises: its own failures, bad input, and why nothing is sent now.

use super::registry::error_codes;

error_codes! {
    /// The code of a failure or refusal that the handset detects itself.
    HandsetCode {
        // The handset's storage
        StoreFailed = "store.failed", Device, "本机数据库出错，请重启应用", "the database on this handset failed; restart the app";
        StoreFull = "store.full", Device, "本机存储空间不足，请清理后重试；已保存的内容不受影响", "this handset has no storage space left; free some space and try again; saved items are safe";
        StoreReadOnly = "store.read_only", Device, "本机数据目录不能写入，请检查权限；已保存的内容不受影响", "the data folder of this handset is not writable; check its permissions; saved items are safe";
        StoreBusy = "store.busy", Device, "另一个程序正在使用本机数据，请稍候", "another program is using the data on this handset; wait a moment and try again";
        StoreOutcomeUnknown = "store.outcome_unknown", Device, "存储出错，内容可能已保存，请重启后在队列中查看", "storage failed and the item may or may not have been saved; restart the app and look in the queue";
        StoreNewer = "store.newer", Version, "本机数据由更新的版本写入，请升级应用", "the data on this handset was written by a newer version; update the app";
        StoreMovedAside = "store.moved_aside", Device, "本机数据库损坏，有内容等待抢救，请找管理员（salvage）", "the database on this handset is damaged and its content waits to be salvaged; ask the administrator (salvage)";
        DiskFailed = "disk.failed", Device, "文件读写出错，请重试；仍不行请联系管理员", "a file could not be read or written; try again, or contact the administrator";
        KeysFailed = "vault.failed", Device, "密钥无法读取，请联系管理员", "the keys cannot be read; contact the administrator";
        KeysMissing = "vault.missing", Device, "找不到 keys.json，内容还在本机；请找回这个文件，不要重新登记", "keys.json is missing; the content is still on this handset; bring that file back and do not enrol again";
        KeysExposed = "vault.exposed", Device, "keys.json 权限过宽，请改为 600", "keys.json can be read by others; set its mode to 600";
        KeysDamaged = "vault.damaged", Device, "keys.json 已损坏，内容还在本机；请用备份恢复这个文件，或联系管理员", "keys.json is damaged; the content is still on this handset; restore that file from a backup or contact the administrator";
        DataMalformed = "data.malformed", Device, "数据格式不正确，请更新应用后重试；仍不行请联系管理员", "the data is malformed; update the app and try again, or contact the administrator";
        SalvageRunning = "salvage.running", Device, "另一个程序正在抢救损坏的数据库，请稍后再试", "another program is salvaging the damaged database; try again later";
        SalvageDone = "salvage.done", Settled, "损坏的数据库刚刚已由另一个程序交接", "another program has just handed over the damaged database; nothing to do";
        SalvageNobody = "salvage.nobody", Device, "损坏的数据库不能说明属于谁，原文件已保留，请联系管理员", "the damaged database does not show who it belongs to; the file was kept; contact the administrator";
        // Enrolment
        NotEnrolled = "enrol.none", Input, "本终端尚未登记，请先用登记码登记", "this terminal is not enrolled yet; enrol it with an enrolment code first";
        AlreadyEnrolled = "enrol.already", Input, "本机已登记；给另一位用户登记，请添加用户", "this handset is already enrolled; to enrol another person, add a user";
        EnrolCertificate = "enrol.certificate", Refused, "服务器的登记凭证不符，未登记，请联系管理员", "the certificate from the server is not valid, so this terminal was not enrolled; contact the administrator";
        HandedOver = "terminal.handed_over", StreamEnded, "本终端已停用，内容已封存交接给中心，本机数据已清除", "this terminal was revoked; its content was sealed and handed over to the centre, and the data on it was deleted";
        TerminalClosed = "terminal.closed", Settled, "已关闭，请重新打开", "this handset was closed, open it again";
        UserUnknown = "user.unknown", Input, "没有这个用户，或有重名", "there is no such user, or several with this name";
        // The network
        Unreachable = "network.unreachable", Network, "连不上服务器，将自动重试", "the server cannot be reached; the handset will try again";
        Timeout = "network.timeout", Network, "服务器没有及时回应，将自动重试", "the server did not answer in time; the handset will try again";
        Cut = "network.cut", Network, "网络中断，将自动重试", "the connection was lost; the handset will try again";
        Pin = "network.pin", Network, "对方不是登记的服务器（可能需要网页登录的无线网），未发送任何内容", "this is not the enrolled server (perhaps a Wi-Fi network with a login page); nothing was sent";
        Address = "network.address", Network, "服务器地址无法使用，请联系管理员", "the server address cannot be used; contact the administrator";
        Offline = "network.offline", Network, "没有网络，内容保存在本机，联网后自动发送", "there is no network; everything is kept on this handset and sent when there is one";
        AnswerForeign = "answer.foreign", Network, "收到的不是服务器的回答（可能需要网页登录的无线网），将自动重试", "the answer did not come from the server (perhaps a Wi-Fi network with a login page); the handset will try again";
        Cancelled = "call.cancelled", Settled, "已取消", "cancelled";
        // Sync
        SyncRunning = "sync.running", HeldBack, "同步正在进行，请等它完成", "a sync is already running; wait until it has finished";
        SyncOff = "sync.off", HeldBack, "同步已关闭，没有发送任何内容；内容保存在本机，打开同步后发送", "sync is switched off and nothing was sent; everything is kept on this handset and sent once sync is on";
        Metered = "policy.metered", HeldBack, "现在用的是流量，照片和新资料等 Wi-Fi 再传，文字已照常传", "this network is metered: photos and new files wait for an unmetered one (Wi-Fi); entries are sent as usual";
        Roaming = "policy.roaming", HeldBack, "正在漫游，照片和新资料等待 Wi-Fi；文字内容照常发送", "this handset is roaming: photos and new files wait for Wi-Fi; entries are sent as usual";
        WifiOnly = "policy.wifi_only", HeldBack, "已设置仅在不计费网络（Wi-Fi）下同步，内容保存在本机，连上 Wi-Fi 后发送", "sync is limited to unmetered networks (Wi-Fi): everything is kept on this handset and sent once there is Wi-Fi";
        Budget = "policy.budget", HeldBack, "本月流量额度已用完，照片等待 Wi-Fi 或下个月；文字内容照常发送", "the data budget for this month is used up: photos wait for Wi-Fi or the next month; entries are sent as usual";
        Battery = "policy.battery", HeldBack, "电量低，照片等待充电；文字内容照常发送", "the battery is low: photos wait until it is charging; entries are sent as usual";
        ServerRestored = "server.restored", RetryLater, "服务器从备份恢复，缺少此条，将重新发送", "the server was restored from a backup and does not have this item; it will be sent again";
        ReceiptMissing = "receipt.missing", RetryLater, "服务器的回执与本条内容不符或缺失，将重新发送", "the receipt from the server is missing or does not match this item; it will be sent again";
        ReceiptMismatch = "receipt.mismatch", RetryLater, "服务器的回执与照片不符，将重新上传", "the receipt from the server does not match the photo; it will be uploaded again";
        PhotoUnconfirmed = "photo.unconfirmed", RetryLater, "照片已传完，服务器尚未确认，将自动再问", "the photo was uploaded, but the server has not confirmed it yet; the handset will ask again";
        PhotoFileUnreadable = "photo.file_unreadable", RetryLater, "照片文件暂时无法读取，将重试", "the photo file cannot be read at the moment; the handset will try again";
        PhotoFileMissing = "photo.file_missing", Refused, "本机找不到照片文件，请重新拍照或联系管理员", "the photo file is not on this handset; take the photo again or contact the administrator";
        PhotoFileDamaged = "photo.file_damaged", Refused, "本机照片文件已损坏，请重新拍照或联系管理员", "the photo file on this handset is damaged; take the photo again or contact the administrator";
        ManifestSignature = "manifest.signature", Refused, "资料清单的签名不符，未采用，继续使用原有资料", "the signature of the file list is not valid; the list was not used and the present files stay in use";
        FileHashMismatch = "file.hash_mismatch", RetryLater, "资料内容与清单不符，将重新下载，继续使用原有资料", "the file does not match the list; it will be downloaded again and the present file stays in use";
        // Items in the queue
        ItemUnknown = "item.unknown", Input, "没有这个条目", "there is no such item";
        ItemAmbiguous = "item.ambiguous", Input, "编号不唯一，请多写几位", "several items match; give more digits";
        ItemNotCancellable = "item.not_cancellable", Input, "撤回不能再撤回，需要时请重新填报", "a withdrawal cannot be withdrawn; file the item again if it is needed";
        ItemMendedAlready = "item.mended_already", Input, "这一条已修改并重新提交，请在队列中查看", "this item was already revised and submitted again; see the queue";
        ReportNotReturned = "report.not_returned", Input, "这一条没有被退回，不用修改；要更正请先撤回", "this item was not returned, so it cannot be revised; to correct it, withdraw it first";
        /// The entry was rejected without a reason.
        RejectedUnsaid = "entry.rejected", Refused, "未说明原因，请联系中心", "no reason was given; contact the centre";
        /// The reason is the opinion of the person who did not file the case.
        CaseNotFiled = "case.not_filed", Settled, "中心未立案", "the centre did not file the case";
        /// The same for a report that its author had handled on the spot (SJ-03).
        CaseSelfHandled = "case.self_handled", Settled, "自行处理，中心未立案", "handled on the spot; the centre did not file the case";
        // Drafts and reports
        DraftOtherKind = "draft.other_kind", Input, "这份草稿是另一种内容，请用对应的命令继续", "this draft is of another kind; continue it with the matching command";
        DraftSubmitted = "draft.submitted", Input, "这份内容已提交，不能再改；如需更正请撤回后重新上报", "this was already submitted and cannot be changed; to correct it, withdraw it and file a new one";
        DraftNewer = "draft.newer", Version, "当前版本的应用打不开这份草稿，已原样保留在本机，请更新应用后继续", "this version of the app cannot open the draft; the draft is kept unchanged; update the app to continue it";
        ReportEmpty = "report.empty", Input, "上报还是空的，请至少选择类型、写说明或拍照", "the report is empty; give at least a type, a description or a photo";
        MatterUnknown = "matter.unknown", Input, "没有这个类型", "there is no such type";
        MatterAmbiguous = "matter.ambiguous", Input, "对应多个类型，请选一个", "several types match; choose one";
        // Places
        PlaceAccuracy = "place.accuracy", Input, "请给出 0 到 100000 之间的精度（米）", "give the accuracy in metres, from 0 to 100000";
        PlaceDatum = "place.datum", Input, "不认识这个坐标系，请用 wgs84、gcj02 或 bd09", "unknown datum; use wgs84, gcj02 or bd09";
        PlaceMalformed = "place.malformed", Input, "看不懂坐标，请写成 纬度,经度[,精度米]", "cannot read the coordinates; write LAT,LON[,ACCURACY]";
        PlaceOffGlobe = "place.off_globe", Input, "坐标超出范围，请检查", "the coordinates are out of range; check them";
        PlaceUnknown = "place.unknown", Input, "本机网格中没有这个街道、社区或单元网格", "the grid on this handset has no such street, community or cell";
        GridNotAPack = "grid.pack.not_a_pack", Device, "本机的网格文件无法使用，请同步后重试", "the grid file on this handset cannot be used; sync and try again";
        GridVersion = "grid.pack.version", Version, "本机的网格文件无法使用，请同步后重试", "the grid file on this handset cannot be used; sync and try again";
        GridLength = "grid.pack.length", Device, "本机的网格文件无法使用，请同步后重试", "the grid file on this handset cannot be used; sync and try again";
        GridHash = "grid.pack.hash", Device, "本机的网格文件无法使用，请同步后重试", "the grid file on this handset cannot be used; sync and try again";
        GridCorrupt = "grid.pack.corrupt", Device, "本机的网格文件无法使用，请同步后重试", "the grid file on this handset cannot be used; sync and try again";
        // Photos
        PhotoTooMany = "photo.too_many", Input, "照片过多，请减少照片后再提交", "too many photos; remove some and submit again";
        PhotoFewer = "photo.fewer", Input, "照片比要求的少，请补拍，或确认就这样提交", "fewer photos than asked for; take more, or confirm to submit all the same";
        PhotoCount = "photo.count", Input, "照片数量不符或过多，请重新选择照片", "the number of photos does not match, or there are too many; select the photos again";
        PhotoTooLarge = "photo.too_large", Input, "照片过大，请降低分辨率后重拍", "the photo is too large; lower the resolution and take it again";
        PhotoUnsupportedFormat = "photo.unsupported_format", Input, "不支持这种照片格式，请用 JPEG 或 PNG", "this photo format is not supported; use JPEG or PNG";
        PhotoCorrupt = "photo.corrupt", Input, "照片已损坏，请重新拍照", "the photo is damaged; take it again";
        PhotoTooSmall = "photo.too_small", Input, "照片太小，放不下时间和地点水印，请重新拍照", "the photo is too small for the time and place stamp; take it again";
        PhotoInternal = "photo.internal", Device, "照片处理出错，请重试；仍不行请联系管理员", "the photo could not be processed; try again, or contact the administrator";
        PhotoUnreadable = "photo.unreadable", Input, "打不开照片文件，请检查路径", "the photo file cannot be opened; check the path";
        PhotoMissing = "photo.missing", Device, "本机没有这张照片，请重新拍照或联系管理员", "this photo is not on this handset; take it again or contact the administrator";
        PhotoDamaged = "photo.damaged", Device, "本机保存的照片已损坏，请重新拍照或联系管理员", "the photo stored on this handset is damaged; take it again or contact the administrator";
        PhotoDiskFull = "photo.disk_full", Device, "本机存储空间不足，照片未保存；请清理空间后重试，已保存的内容不受影响", "no storage space left, so the photo was not saved; free some space and try again; saved items are safe";
        PhotoFolder = "photo.folder", Device, "照片文件夹读写出错，请联系管理员", "the photo folder cannot be read or written; contact the administrator";
        PhotoNoRandomness = "photo.no_randomness", Device, "系统无法提供随机数，请重启后重试", "the system cannot provide random numbers; restart the device and try again";
        // Check-ins, tasks, activities
        CheckedInAlready = "checkin.already", Input, "您已签到，不用再签", "you are already checked in; nothing to do";
        NotCheckedIn = "checkin.not", Input, "您现在没有签到，无需签退；上班请先签到", "you are not checked in, so there is nothing to check out from; check in when you start work";
        TaskAnswerUnfit = "task.answer_unfit", Input, "这类任务请用另一种回答", "this type of task needs a different answer; choose one that fits";
        TaskAnsweredAlready = "task.answered_already", Input, "这个任务您已反馈过，不用再反馈；要更正请先撤回", "you have already answered this task; to correct the answer, withdraw it first";
        ActivityIncomplete = "activity.incomplete", Input, "活动记录不完整，请补充", "the activity record is incomplete; complete it and submit it again";
        ActivityApproved = "activity.approved", Input, "这条活动记录已通过审核，不能再修改", "this activity record is approved and can no longer be changed";
        ActivityUnknown = "activity.unknown", Input, "本机没有这条活动记录", "this activity record is not on this handset";
        /// A reviewer returned the record; the reviewer wrote the text.
        ActivityReturned = "activity.returned", Refused, "活动记录被退回，请修改后重新提交", "the activity record was returned; revise it and submit it again";
        // Files and the command line
        ParcelFileExists = "parcel.file_exists", Input, "文件已存在，请换一个文件名", "the file already exists; choose another file name";
        TimeMalformed = "time.malformed", Input, "看不懂时间，请写成 2026-11-22 09:00", "cannot read the time; write it as 2026-11-22 09:00";
        SettingValue = "set.value", Input, "设置写法有误", "invalid setting or value";
        CommandHome = "cli.home", Input, "请用 --home 指定本机数据目录（或设置 XUNGE_HOME）", "give the data folder of this handset with --home (or set XUNGE_HOME)";
        CommandUsage = "cli.usage", Input, "命令写法有误；写法见 --help", "invalid command line; see --help";
    }
}
