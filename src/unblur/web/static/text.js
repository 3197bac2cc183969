// All words of the page, in English and Chinese, and how numbers are said.

const EN = {
  skip: "Skip to the photo", private: "Your photos stay on this computer", hosted: "Nothing leaves this server",
  theme: "Light or dark", headline: "Drop a shaky photo", letgo: "Let go to restore",
  pitch: "unblur works out how the camera moved, and undoes it. Photos that are already sharp are left alone.",
  choose: "Choose photos …", ways: "or drop them anywhere, or paste one. Many at once are fine, and short clips too.",
  stage: "Photo. Arrow keys move it, plus and minus zoom, 0 fits, 1 shows 100 %, B held shows the photo before.",
  split: "Divider between before and after", before: "Before", after: "After", progress: "Progress",
  cancel: "Cancel", viewtools: "View", zoomin: "Zoom in", zoomout: "Zoom out", fit: "Fit", peek: "Hold: before",
  peekhint: "Hold to see the photo before (key B)", play: "Play", motion: "Motion", heat: "Blur map", layers: "What moved",
  layerlegend: "What moved how. White strokes are the paths, enlarged. Click on what moved to restore it alone.",
  k_pasted: "not part of the exposure", k_still: "still", k_camera: "moved with the camera", k_object: "moved by itself", k_unclear: "moved, nobody can tell how",
  l_motion: "{l} px at {a}°", l_share: "{p} % of the photo", l_sure: "confidence {p} %", onlythis: "Only this", nopick: "There is no motion here that could be undone by itself.",
  panel: "Result and options", strength: "Strength", download: "Download", saveas: "Save as …", format: "Format",
  same: "Same as the photo", strip: "Leave out where it was taken", adjust: "Do it differently", model: "Model",
  where: "Only here", everywhere: "Whole photo", box: "Box", brush: "Brush", brushsize: "Brush size", width: "width",
  height: "height", clear: "Clear", ownmotion: "The motion", draw: "Draw or import …", estimate: "Estimate it again",
  restore: "Restore again", facts: "What was done", photos: "Your photos", more: "Add …", zip: "Download all (ZIP)",
  removeall: "Remove all", remove: "Remove {name}", padtitle: "How did the camera move?",
  padhelp: "Draw the path that a bright point took. The field is 65 × 65 px of the photo. Or give a straight motion, or a file.",
  padcanvas: "Drawing field; straight motions can be given below", length: "Length, px", angle: "Angle, °",
  straight: "Straight", import: "Import …", close: "Close", use: "Use it", drawn: "your drawing",
  sending: "Sending …", queued: "Waiting, {n} before it", next: "Waiting", reading: "Reading …",
  analysing: "Looking for the motion …", restoring: "Undoing the motion …", preview: "A preview; the result follows …", writing: "Nearly there …",
  left: "about {t} left", done: "{t}", cancelled: "Cancelled", failed: "Failed", tryagain: "Try again",
  v_restored: "Motion of {l} px undone", v_restored_clip: "{n} frames restored",
  v_sharp: "This photo is already sharp", v_small: "Too small to tell", v_unsure: "The motion is unclear",
  v_unchanged: "Nothing to improve", v_failed: "This did not work", v_cancelled: "Cancelled",
  s_restored: "Direction {a}°, {k}. Done in {t}.", s_psf: "With your motion. Done in {t}.", uniform: "the same everywhere", varying: "different from place to place",
  s_sharp: "Nothing was changed: the download is your file, byte for byte.", s_small: "A side is below 64 px, or it has fewer pixels than 96 × 96. Nothing was changed.",
  s_unsure: "No motion could be estimated reliably, so nothing was changed. You can draw it yourself below.",
  s_unchanged: "The result equals the photo.", s_clip: "Done in {t}.", s_cancelled: "Restore again whenever you like.",
  n_restored: "{l} px undone", n_sharp: "already sharp", n_small: "too small", n_unsure: "left alone", n_unchanged: "left alone",
  motionlegend: "Each mark is the path of the camera there, {n} times enlarged; faint where it is uncertain.",
  sharp: "sharp", moved: "moved", defocus: "out of focus",
  tone: "Light", t_auto: "As the file says, or found", t_profile: "As the file says, else sRGB", t_linear: "Linear", t_gamma: "Gamma 2.2",
  toneabout: "How the numbers in the file stand for light. Choose it where the file does not say and you know better.",
  s_tone: "Light: {c}.", c_srgb: "sRGB", c_linear: "linear", c_gamma: "gamma {g}", c_other: "{c}",
  l_caller: "chosen by you", l_file: "from the file ({s})", l_estimate: "estimated, {p} %", l_assumed: "assumed, the file does not say",
  f_tone: "Light", f_size: "Size", f_format: "Format", f_model: "Model", f_noise: "Noise", f_notes: "Notes", f_time: "Time", bits: "{n} bits",
  f_seconds: "estimating {a} s, restoring {b} s", noshow: "This browser cannot show this clip. The download works all the same.",
  lost: "The server does not answer. Is it still running? Trying again …", gone: "The server was started anew and has forgotten your photos. Choose ‘Try again’.",
  e_UnreadableImage: "This file is not a photo that can be read.", e_UnsupportedImage: "This kind of picture is not handled.",
  e_ImageTooLarge: "This photo has too many pixels.", e_TooLarge: "This file is too large.", e_Full: "The server is full just now. Try again later.",
  e_TooMany: "That is more at a time than one may have. Try again when some are done.", e_DiskFull: "The server's disk is full. Remove some photos, or try again later.",
  e_TimeOut: "This took too long and was given up.", e_OutOfMemory: "There is not enough memory for this file.",
  e_BadPsf: "This is no motion (PSF) that can be used.", e_WorkerLost: "The restoration stopped unexpectedly.", e_network: "The server could not be reached.",
  removed: "{name} removed", announced: "{name}: {what}",
  m_unblur: "Finds the motion, undoes it, cleans up with a network. Best for almost everything.",
  m_wiener: "Finds the motion, undoes it with a Wiener filter. Quick and plain.", m_other: "A classical method, to compare with.",
};

const ZH = {
  skip: "跳到照片", private: "照片不会离开这台电脑", hosted: "照片不会离开这台服务器",
  theme: "浅色或深色", headline: "把拍糊的照片拖到这里", letgo: "松开即可修复",
  pitch: "unblur 会推算相机是怎样晃动的，再把晃动还原。本来就清晰的照片不会被改动。",
  choose: "选择照片…", ways: "也可以拖到页面任意位置，或直接粘贴。可一次多张，也支持短视频。",
  stage: "照片。方向键移动，加减号缩放，0 适合窗口，1 显示 100%，按住 B 看原图。",
  split: "前后对比分隔线", before: "修复前", after: "修复后", progress: "进度",
  cancel: "取消", viewtools: "视图", zoomin: "放大", zoomout: "缩小", fit: "适合窗口", peek: "按住看原图",
  peekhint: "按住查看修复前（B 键）", play: "播放", motion: "运动轨迹", heat: "模糊分布", layers: "什么动了",
  layerlegend: "各部分怎样移动。白色笔画是放大的轨迹。点击移动的部分，就只修复它。",
  k_pasted: "不属于曝光", k_still: "静止", k_camera: "随相机移动", k_object: "自己移动", k_unclear: "移动过，但看不出怎样移动",
  l_motion: "{l} 像素，{a}°", l_share: "占照片 {p}%", l_sure: "置信度 {p}%", onlythis: "只修复它", nopick: "这里没有可以单独还原的运动。",
  panel: "结果与选项", strength: "强度", download: "下载", saveas: "另存为…", format: "格式",
  same: "与原照片相同", strip: "去掉拍摄地点", adjust: "换种方式", model: "模型",
  where: "只修复这里", everywhere: "整张照片", box: "方框", brush: "画笔", brushsize: "画笔大小", width: "宽",
  height: "高", clear: "清除", ownmotion: "晃动轨迹", draw: "手绘或导入…", estimate: "重新自动推算",
  restore: "重新修复", facts: "处理详情", photos: "你的照片", more: "添加…", zip: "全部下载（ZIP）",
  removeall: "全部移除", remove: "移除 {name}", padtitle: "相机是怎样晃动的？",
  padhelp: "画出一个亮点走过的路径。画板相当于照片上的 65 × 65 像素。也可以输入直线运动，或导入文件。",
  padcanvas: "画板；下方可输入直线运动", length: "长度（像素）", angle: "角度（°）",
  straight: "画直线", import: "导入…", close: "关闭", use: "使用", drawn: "你画的轨迹",
  sending: "正在上传…", queued: "排队中，前面还有 {n} 张", next: "排队中", reading: "正在读取…",
  analysing: "正在寻找晃动…", restoring: "正在还原晃动…", preview: "先看预览，完整结果随后…", writing: "马上就好…",
  left: "大约还需 {t}", done: "{t}", cancelled: "已取消", failed: "失败", tryagain: "再试一次",
  v_restored: "已还原 {l} 像素的晃动", v_restored_clip: "已修复 {n} 帧",
  v_sharp: "这张照片本来就是清晰的", v_small: "照片太小，无法判断", v_unsure: "晃动看不清楚",
  v_unchanged: "没有可改进之处", v_failed: "没有成功", v_cancelled: "已取消",
  s_restored: "方向 {a}°，{k}。用时 {t}。", s_psf: "使用你给的轨迹。用时 {t}。", uniform: "各处相同", varying: "各处不同",
  s_sharp: "没有做任何改动：下载得到的就是原文件，一个字节也不差。", s_small: "有一边不足 64 像素，或总像素不足 96 × 96，没有改动。",
  s_unsure: "无法可靠地判断晃动，所以没有改动。你可以在下面自己画出轨迹。",
  s_unchanged: "结果与原照片相同。", s_clip: "用时 {t}。", s_cancelled: "随时可以重新修复。",
  n_restored: "已还原 {l} 像素", n_sharp: "本来就清晰", n_small: "太小", n_unsure: "未改动", n_unchanged: "未改动",
  motionlegend: "每个标记是相机在该处走过的路径，放大 {n} 倍；越淡表示越不确定。",
  sharp: "清晰", moved: "晃动", defocus: "失焦",
  tone: "光线编码", t_auto: "按文件，或自动推断", t_profile: "按文件，否则 sRGB", t_linear: "线性", t_gamma: "伽马 2.2",
  toneabout: "文件中的数值如何表示光的强弱。文件没有说明而你清楚时，可在此指定。",
  s_tone: "光线编码：{c}。", c_srgb: "sRGB", c_linear: "线性", c_gamma: "伽马 {g}", c_other: "{c}",
  l_caller: "由你指定", l_file: "来自文件（{s}）", l_estimate: "推断，{p}%", l_assumed: "默认，文件未说明",
  f_tone: "光线编码", f_size: "尺寸", f_format: "格式", f_model: "模型", f_noise: "噪声", f_notes: "说明", f_time: "用时", bits: "{n} 位",
  f_seconds: "分析 {a} 秒，修复 {b} 秒", noshow: "这个浏览器无法播放该视频，但可以下载。",
  lost: "服务器没有回应。它还在运行吗？正在重试…", gone: "服务器已重新启动，忘记了你的照片。请点“再试一次”。",
  e_UnreadableImage: "这个文件不是可读取的照片。", e_UnsupportedImage: "不支持这种图片。",
  e_ImageTooLarge: "照片像素太多。", e_TooLarge: "文件太大。", e_Full: "服务器目前已满，请稍后再试。",
  e_TooMany: "同时处理的数量超出了限额，请等一部分完成后再试。", e_DiskFull: "服务器磁盘已满，请移除一些照片或稍后再试。",
  e_TimeOut: "耗时过长，已放弃。", e_OutOfMemory: "内存不足，无法处理此文件。",
  e_BadPsf: "这个轨迹（PSF）无法使用。", e_WorkerLost: "修复意外中断。", e_network: "连接不到服务器。",
  removed: "已移除 {name}", announced: "{name}：{what}",
  m_unblur: "找出晃动并还原，再用神经网络清理。几乎总是最好的选择。",
  m_wiener: "找出晃动，用维纳滤波还原。快速、朴素。", m_other: "经典方法，用于比较。",
};

const known = () => { try { return localStorage.getItem("language"); } catch { return null; } };
let language = known() ?? (navigator.language.startsWith("zh") ? "zh" : "en");

export const current = () => language;

export function t(key, values = {}) {
  const text = (language === "zh" ? ZH : EN)[key] ?? EN[key] ?? key;
  return text.replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
}

export const has = (key) => key in EN;
export const keys = () => [Object.keys(EN), Object.keys(ZH)];

export function seconds(value) {
  if (value == null) return "";
  const number = value < 9.95 ? Math.max(0.1, value).toFixed(1) : Math.round(value);
  if (value < 90) return language === "zh" ? `${number} 秒` : `${number} s`;
  const minutes = Math.round(value / 60);
  return language === "zh" ? `${minutes} 分钟` : `${minutes} min`;
}

// Puts the words of the current language into all elements that name theirs.
export function speak() {
  document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
  for (const element of document.querySelectorAll("[data-t]")) element.textContent = t(element.dataset.t);
  for (const element of document.querySelectorAll("[data-label]")) element.setAttribute("aria-label", t(element.dataset.label));
  for (const element of document.querySelectorAll("[data-hint]")) element.title = t(element.dataset.hint);
  const other = document.getElementById("language");
  other.textContent = language === "zh" ? "English" : "中文";
  other.lang = language === "zh" ? "en" : "zh";
}

export function turn() {
  language = language === "zh" ? "en" : "zh";
  try { localStorage.setItem("language", language); } catch { /* not kept, then */ }
  speak();
}
